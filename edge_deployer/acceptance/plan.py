"""The acceptance plan: what boards are asked, what passes, and how sure one wants to be. All of it is data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, model_validator

from edge_deployer.field_errors import describe_validation_error
from edge_deployer.files import read_yaml

_MOST_SAMPLES = 100_000
_LARGEST_CEILING = 1000

Proportion = Annotated[float, Field(ge=0.0001, le=0.9999)]
ErrorRate = Annotated[float, Field(ge=0.000001, lt=0.5)]
Count = Annotated[int, Field(ge=1, le=_MOST_SAMPLES)]
RealUnits = Annotated[float, Field(gt=0, allow_inf_nan=False)]

CheckName = Literal[
    "smoke",
    "labels",
    "outputs",
    "accuracy",
    "auc",
    "mae",
    "against_production",
    "latency",
    "arena",
    "flash",
    "soak",
    "power_cycle",
    "golden_vectors",
]
Consequence = Literal["refuse", "warn"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _require_distance(tolerated: float, bad: float) -> None:
    """Refuse two shares that no acceptance set tells apart.

    By the normal approximation a test of fixed size at alpha = beta = 0.05 takes ``(2 * 1.645)^2 p (1 - p) / d^2``
    samples, p the mean of the shares and d their distance.
    """
    middle, distance = (tolerated + bad) / 2, bad - tolerated
    samples = (2 * 1.645) ** 2 * middle * (1 - middle) / distance**2
    if samples > _MOST_SAMPLES:
        raise ValueError(
            f"shares of {tolerated:g} and {bad:g} take about {samples:,.0f} samples to tell apart, more than the "
            f"{_MOST_SAMPLES:,} that a plan may have"
        )


class Disagreement(_Section):
    """A share of samples on which a board may differ from TFLM's reference, and one that is too much."""

    tolerated: Proportion = Field(default=0.01, description="a board of this share is refused with probability alpha")
    bad: Proportion = Field(default=0.05, description="a board of this share is accepted with probability beta")

    @model_validator(mode="after")
    def _ordered(self) -> Disagreement:
        if self.tolerated >= self.bad:
            raise ValueError(f"tolerated {self.tolerated:g} must be below bad {self.bad:g}")
        _require_distance(self.tolerated, self.bad)
        return self


class OutputDisagreement(Disagreement):
    """The same for raw outputs."""

    tolerance: Annotated[int, Field(ge=0)] = Field(
        default=2, description="steps of the output's quantisation that do not count as a difference"
    )


class Floor(_Section):
    """The least that a figure must reach. One that misses it by `margin` is accepted with probability beta."""

    floor: Proportion
    margin: Proportion = 0.1

    @model_validator(mode="after")
    def _leaves_room(self) -> Floor:
        if self.margin >= self.floor:
            raise ValueError(f"margin {self.margin:g} must be below the floor {self.floor:g}")
        _require_distance(1 - self.floor, 1 - self.floor + self.margin)
        return self


class Ceiling(_Section):
    """The most that an error may be, in real units. One that is over it by `margin` is accepted with probability beta.

    Attributes:
        largest_error: the largest error there can be; one that is larger refuses the release. null: what the stored
            type of the output allows.
    """

    ceiling: RealUnits
    margin: RealUnits
    largest_error: RealUnits | None = None

    @model_validator(mode="after")
    def _leaves_room(self) -> Ceiling:
        if self.margin < self.ceiling / _LARGEST_CEILING:
            raise ValueError(f"margin {self.margin:g} is too small beside the ceiling {self.ceiling:g}")
        return self


class AgainstProduction(_Section):
    """How much worse than the release in production a candidate may be."""

    margin: Proportion = Field(
        default=0.05, description="a candidate whose accuracy is lower by this much is accepted with probability beta"
    )


class Budget(_Section):
    """What boards of one profile may spend on the model; null: what the profile has, and no limit of time."""

    latency_p50_us: PositiveInt | None = None
    latency_p95_us: PositiveInt | None = None
    latency_p99_us: PositiveInt | None = None
    latency_max_us: PositiveInt | None = None
    arena_bytes: PositiveInt | None = None
    flash_bytes: PositiveInt | None = None

    @property
    def latency_limits(self) -> dict[str, int]:
        """Microseconds, by the percentile that they limit; without those that are not set."""
        limits = {
            "p50": self.latency_p50_us,
            "p95": self.latency_p95_us,
            "p99": self.latency_p99_us,
            "max": self.latency_max_us,
        }
        return {name: limit for name, limit in limits.items() if limit is not None}


class AcceptancePlan(BaseModel):
    """What is asked of every board, and what passes. The defaults suit an int8 model with held-out samples.

    Every sequential check has the error rates `alpha` and `beta` for itself.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    samples: Count = Field(
        default=400, description="size of the acceptance set; a check that has not decided by then gives no verdict"
    )
    golden_vectors: Annotated[int, Field(ge=3, le=_MOST_SAMPLES)] = Field(
        default=16, description="samples that a production board runs before its release is confirmed"
    )
    alpha: ErrorRate = Field(default=0.05, description="probability of refusing what is as good as tolerated")
    beta: ErrorRate = Field(default=0.05, description="probability of accepting what is bad")
    confidence: Proportion = Field(default=0.95, description="of the bounds in the report")
    labels: Disagreement = Field(default=Disagreement(), description="samples named another class than TFLM names")
    outputs: OutputDisagreement = Field(
        default=OutputDisagreement(), description="samples whose outputs are further off TFLM's than the tolerance"
    )
    accuracy: Floor | None = Field(
        default=None, description="for labels that are classes; null asks what `better_than_constant` says"
    )
    auc: Floor | None = Field(
        default=None,
        description="for labels 0 and 1 of a model that scores; null asks what `better_than_constant` says",
    )
    better_than_constant: bool = Field(
        default=True,
        description="with labels and no floor: whether boards must be better than always answering the commonest "
        "class, or a constant score",
    )
    mae: Ceiling | None = Field(default=None, description="for regression targets; null asks for none")
    against_production: AgainstProduction | None = Field(
        default=AgainstProduction(), description="accuracy against the release in production; null asks for none"
    )
    soak_inferences: Annotated[int, Field(ge=0, le=_MOST_SAMPLES)] = Field(
        default=32, description="golden vectors run again, in turn; outputs must not change"
    )
    power_cycle: bool = Field(default=True, description="whether staging boards are reset once more when confirmed")
    quorum: PositiveInt | None = Field(
        default=None, description="staging boards that must accept; null: two, or one where staging has a single board"
    )
    budgets: dict[str, Budget] = Field(default={}, description="by the name of the board profile")
    on_failure: dict[CheckName, Consequence] = Field(
        default={}, description="`warn` for a check whose failure is reported but refuses nothing"
    )

    @model_validator(mode="after")
    def _cannot_ignore_smoke(self) -> AcceptancePlan:
        if self.on_failure.get("smoke") == "warn":
            raise ValueError("on_failure: a board that fails its smoke test cannot be accepted")
        return self

    def budget(self, profile: str) -> Budget:
        """The budget of a board profile; an empty one where none is set."""
        return self.budgets.get(profile, Budget())

    def only_warns(self, check: CheckName) -> bool:
        """Whether a failure of the check refuses nothing."""
        return self.on_failure.get(check) == "warn"

    def quorum_of(self, boards: int) -> int:
        """Boards that must accept, of a staging pool of so many without its spares."""
        return min(2, boards) if self.quorum is None else self.quorum


def load_plan(path: Path | None) -> AcceptancePlan:
    """Read an acceptance plan; None gives the default one.

    Raises:
        TinyopsError: the file is missing, is not YAML, or a field is wrong.
    """
    if path is None:
        return AcceptancePlan()
    return parse_plan(read_yaml(path, f"acceptance plan {path}"), f"acceptance plan {path}")


def parse_plan(content: object, source: str) -> AcceptancePlan:
    """Check the contents of an acceptance plan.

    Raises:
        TinyopsError: a field is wrong; the message names it and `source`.
    """
    try:
        return AcceptancePlan.model_validate(content or {})
    except ValidationError as error:
        raise describe_validation_error(error, source) from error
