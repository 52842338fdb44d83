"""How far are the board's answers from the true values?"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field, model_validator
from typing_extensions import override

from edge_deployer.acceptance.check import Case, CheckResult, SequentialCheck
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.reference import Reference
from edge_deployer.acceptance.registry import registered
from edge_deployer.acceptance.sequential import Section, fewest, require_as_many
from edge_deployer.acceptance.statistics.bounded_mean import CeilingTest
from edge_deployer.acceptance.statistics.confidence_sequence import mean_upper_bound
from edge_deployer.errors import TinyopsError
from edge_deployer.finding import kind
from edge_deployer.quality import absolute_errors
from edge_deployer.tensors import dequantize

_LARGEST_CEILING = 1000

RealUnits = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Mae(Section):
    """The most that an error may be, in real units. One that is over it by `margin` is accepted with probability beta.

    Attributes:
        largest_error: the largest error there can be; one that is larger refuses the release. null: what the stored
            type of the output allows.
    """

    ceiling: RealUnits
    margin: RealUnits
    largest_error: RealUnits | None = None

    @model_validator(mode="after")
    def _leaves_room(self) -> Mae:
        if self.margin < self.ceiling / _LARGEST_CEILING:
            raise ValueError(f"margin {self.margin:g} is too small beside the ceiling {self.ceiling:g}")
        return self


MeanError = kind(
    "mae.error", "mean absolute error {{ error | number }} over {{ samples }} samples", {"error": float, "samples": int}
)

MeanErrorWithoutCeiling = kind(
    "mae.no_ceiling", "mean absolute error {{ error | number }}; no ceiling is set", {"error": float, "samples": int}
)

BeyondLargest = kind(
    "mae.beyond_largest",
    "sample {{ sample }} is off by {{ 'no finite number' if error is none else error | number }}, more than the "
    "largest error there can be, {{ largest | number }}",
    {"sample": int, "error": float | None, "largest": float},
)


@registered
class MaeCheck(SequentialCheck):
    """The mean absolute error, tested by betting against a ceiling."""

    name = "mae"
    place = 60
    about = "the mean absolute error from the true values"
    section = Mae
    section_about = "for regression targets; null asks for none"
    heading = "Mean absolute error"
    asks = (
        "{% if section is none %}no ceiling is set{% else %}at most {{ section.ceiling | number }}; "
        "{{ (section.ceiling + section.margin) | number }} is bad{% endif %}"
    )
    metric = "mae"
    needs = "`targets`, the true values"

    @override
    def judge(self, case: Case) -> CheckResult | None:
        reference, plan, mae = case.reference, case.plan, case.plan.section(Mae)
        if reference.metric != "mae" or reference.targets is None:
            return None
        outputs = case.outputs
        errors = absolute_errors(outputs, reference.targets.load()[: len(outputs)], reference.output)
        if mae is None:
            error = float(errors.mean())
            told = MeanErrorWithoutCeiling(error=error, samples=len(errors))
            return self.result(case, "skipped", told, measured=error)
        test = _test(mae, reference, plan)
        beyond = np.flatnonzero(~(errors <= test.high))
        if len(beyond):
            index, error = int(beyond[0]), float(errors[beyond[0]])
            finding = BeyondLargest(sample=index, error=error if np.isfinite(error) else None, largest=test.high)
            return self.result(case, "failed", finding, limit=mae.ceiling, differing=beyond)
        outcome = test.decide(errors)
        taken = errors[: outcome.samples]
        error = float(taken.mean())
        return self.decided(
            case,
            outcome,
            MeanError(error=error, samples=len(taken)),
            measured=error,
            limit=mae.ceiling,
            high=mean_upper_bound(taken, 0.0, test.high, plan.confidence),
            differing=np.argsort(-taken, kind="stable"),
        )

    @override
    def judges_quality(self, plan: AcceptancePlan, reference: Reference) -> bool:
        return plan.section(Mae) is not None

    @override
    def require(self, plan: AcceptancePlan, reference: Reference) -> None:
        mae = plan.section(Mae)
        if mae is None:
            return
        try:
            largest = mae.largest_error or _largest_error(reference)
        except ValueError as error:
            raise _untestable(error) from error
        require_as_many("mae", _needed(mae, plan, largest), len(reference))

    @override
    def samples_needed(self, plan: AcceptancePlan, *, labelled: bool, computed: bool) -> int | None:
        mae = plan.section(Mae)
        return None if mae is None or mae.largest_error is None else _needed(mae, plan, mae.largest_error)


def _needed(mae: Mae, plan: AcceptancePlan, largest: float) -> int:
    """The fewest samples with which answers without any error are accepted.

    Raises:
        TinyopsError: ceiling and margin go beyond the largest error.
    """
    try:
        return fewest(
            lambda cap: CeilingTest(mae.ceiling, mae.margin, plan.alpha, plan.beta, cap, 0.0, largest).decide(
                np.zeros(cap)
            )
        )
    except ValueError as error:
        raise _untestable(error) from error


def _untestable(error: ValueError) -> TinyopsError:
    return TinyopsError(
        f"acceptance plan: `mae` cannot be tested: {error}",
        remedy="set mae.largest_error to the largest error there can be, above ceiling and margin together",
    )


def _test(mae: Mae, reference: Reference, plan: AcceptancePlan) -> CeilingTest:
    """The test of the mean error.

    Raises:
        ValueError: the largest error is not known, or ceiling and margin go beyond it.
    """
    largest = mae.largest_error or _largest_error(reference)
    return CeilingTest(mae.ceiling, mae.margin, plan.alpha, plan.beta, len(reference), 0.0, largest)


def _largest_error(reference: Reference) -> float:
    """How far the ends of the output's stored type are from the targets, in real units."""
    stored = np.dtype(reference.output.dtype)
    if reference.output.scale is None or stored.kind not in "iu" or reference.targets is None:
        raise ValueError(f"the largest error of an output {reference.output.describe()} is not known")
    limits = np.iinfo(stored)
    low, high = map(float, dequantize(np.array([limits.min, limits.max]), reference.output))
    targets = reference.targets.load()
    return max(high - float(targets.min()), float(targets.max()) - low)
