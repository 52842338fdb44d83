"""Findings, verdicts and deployments in words: the one place that makes sentences of codes and figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Final

from jinja2 import Environment, StrictUndefined, Template

import edge_deployer.boards.refusals
import edge_deployer.release.data_findings
import edge_deployer.release.model_card
import edge_deployer.release.refusals
import edge_deployer.rollout.attesting  # noqa: F401  (all declare codes that records have)
from edge_deployer.acceptance.check import CheckResult
from edge_deployer.acceptance.registry import declaration_of
from edge_deployer.acceptance.verdict import AccuracyBound
from edge_deployer.boards.record import BoardRecord, Step
from edge_deployer.finding import Finding, known
from edge_deployer.release.front_end import FrontEndFacts
from edge_deployer.report import formats
from edge_deployer.rollout.deployment import Deployment
from edge_deployer.rollout.refusals import HEALTH


def in_words(finding: Finding) -> str:
    """The sentence of a finding, without a full stop."""
    found = known(finding)
    return render(found.words, **dict(found))


def remedy_in_words(finding: Finding) -> str | None:
    """What to do about a finding; None where nothing has to be done, or nobody knows."""
    found = known(finding)
    return render(found.remedy, **dict(found)) or None


def check_in_words(check: CheckResult) -> str:
    """What a check found, and why it did not decide where it is a sequential one that did not."""
    text = in_words(check.finding)
    if check.status != "undecided" or check.samples is None:
        return text
    if check.used_up is not None:
        return f"{text}; not enough to decide, and the acceptance set has no more than {check.used_up}"
    return f"{text}; not decided when the examination ended"


def checks_in_words(checks: Iterable[CheckResult]) -> str:
    """Each check by its name, what it found, and how that relates to its limit where it failed."""
    return "; ".join(f"{formats.words(check.name)}: {_explain(check)}" for check in checks)


def verdict_in_words(board: BoardRecord) -> str:
    """Why the board's verdict is what it is; empty without a verdict."""
    return in_words(board.verdict.why(board.evidence)) if board.verdict else ""


def staging_in_words(deployment: Deployment) -> str:
    """Why the staging pool's verdict is what it is; empty without one."""
    verdict = deployment.staging
    if verdict is None:
        return ""
    if verdict.told is not None:
        return verdict.told
    boards = [board for board in deployment.boards if board.pool == "staging" and board.evidence and board.verdict]
    if verdict.decision == "accepted":
        return _acceptance(deployment, [board for board in boards if board.name in verdict.accepted])
    if verdict.decision == "refused":
        return _refusal([board for board in boards if board.name in verdict.against], boards)
    if verdict.constant is not None:
        name = verdict.constant.class_name
        answer = "the same output" if name is None else f"class {name}"
        return (
            f"the boards agree with TFLM, and that shows nothing: a board that always answered {answer} would pass the "
            "same test"
        )
    return _no_verdict(deployment, boards)


def least_accuracy(deployment: Deployment) -> AccuracyBound | None:
    """The lowest of the bounds on the device's accuracy, of the staging boards that accept; None without one."""
    accepted = deployment.staging.accepted if deployment.staging else ()
    verdicts = [board.verdict for board in deployment.boards if board.name in accepted and board.verdict]
    bounds = [verdict.device_accuracy for verdict in verdicts if verdict.device_accuracy]
    return min(bounds, key=lambda bound: bound.low, default=None)


def headline(deployment: Deployment) -> str:
    """How the deployment ended, and why, in a sentence."""
    if deployment.reason is not None:
        return in_words(deployment.reason)
    production = [board for board in deployment.boards if board.pool == "production"]
    if deployment.gate == "staging":
        return staging_in_words(deployment)
    refusing = [board for board in production if board.verdict and not board.verdict.accepted]
    if deployment.gate == "production" and refusing:
        return f"{refusing[0].name}: {verdict_in_words(refusing[0])}"
    if deployment.gate is not None:
        return f"{deployment.outcome} at {deployment.gate}; no reason is recorded"
    release = deployment.release.release_id if deployment.release else "the model"
    if deployment.outcome == "unchanged":
        return f"{release} already runs on all {len(production)} production boards; nothing was changed"
    found = staging_in_words(deployment)
    return f"{release} passed staging and runs on all {len(production)} production boards{': ' if found else ''}{found}"


def remedy(deployment: Deployment) -> str | None:
    """What to do where the release was not pushed; None where nobody knows, or it was."""
    if deployment.pushed:
        return None
    lost = [board.name for board in deployment.boards if board.outcome == "not restored"]
    if lost:
        return f"{', '.join(lost)} could not be taken back: read the report's steps and see to them by hand"
    if deployment.reason is not None:
        return remedy_in_words(deployment.reason)
    if deployment.outcome == "refused" or deployment.staging is None:
        return "read each board's checks in the report"
    if deployment.staging.quarantined:
        return HEALTH
    if deployment.staging.constant is not None:
        return "give samples to which the model answers differently, and their `labels`, which judge its answers"
    return "raise `samples` in the plan, or give more held-out data"


def caution(deployment: Deployment) -> str | None:
    """What a release that was pushed has not shown; None where its answers were judged."""
    return in_words(deployment.caution) if deployment.caution else None


def front_end_in_words(front_end: FrontEndFacts) -> str:
    """Where the model's features are computed, and by what."""
    if not front_end.on_board:
        return "computed on the host: not on the board"
    return f"computed on the board by {front_end.name}, version {front_end.version}"


def step_in_words(step: Step) -> str:
    """What was done, and what came of it."""
    told = step_detail(step)
    return f"{step.action}: {told}" if told else step.action


def step_detail(step: Step) -> str:
    """With what a step was done, or what it found."""
    return in_words(step.finding) if step.finding else step.detail


def render(template: str, **facts: object) -> str:
    """A template of words over its facts."""
    return _template(template).render(**facts)


@cache
def _template(text: str) -> Template:
    return _ENVIRONMENT.from_string(text)


def together(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *others, last = names or ("",)
    return f"{', '.join(others)} and {last}" if others else last


def _explain(check: CheckResult) -> str:
    text, declaration = check_in_words(check), declaration_of(check.name)
    if check.status != "failed" or check.bound is None or check.limit is None or declaration is None:
        return text
    allowed = f"at {'least' if declaration.at_least else 'most'} {formats.in_unit(check.limit, declaration.unit)}"
    limit = render(declaration.limit_words, allowed=allowed, **dict(known(check.finding)))
    return f"{text}, {limit}; decided after {check.samples} samples"


def _refusal(against: Sequence[BoardRecord], boards: Sequence[BoardRecord]) -> str:
    names_by_reason: dict[str, list[str]] = {}
    for board in against:
        names_by_reason.setdefault(verdict_in_words(board), []).append(board.name)
    reasons = "; ".join(f"{' and '.join(names)}: {reason}" for reason, names in names_by_reason.items())
    if len(against) > 1:
        return f"{len(against)} boards refuse it: {reasons}"
    if len(boards) > 1 and not any(board.verdict and board.verdict.accepted for board in boards):
        return f"{reasons}; no other board accepts it"
    return reasons


def _acceptance(deployment: Deployment, boards: Sequence[BoardRecord]) -> str:
    names = " and ".join(board.name for board in boards)
    text = f"all checks passed on {names}"
    warned = [board for board in boards if board.verdict and board.verdict.why(board.evidence).checks]
    if warned:
        text = f"{names} accept it; " + "; ".join(f"{board.name}: {verdict_in_words(board)}" for board in warned)
    worst = least_accuracy(deployment)
    if worst:
        text += (
            f"; accuracy on the device is at least {formats.percent(worst.low)} over the held-out samples, with "
            f"{formats.confidence(worst.confidence)} confidence"
        )
    checks = [check for board in boards if board.verdict for check in board.verdict.checks]
    compared = [check for check in checks if check.name == "against_production"]
    if compared and all(check.status == "skipped" for check in compared):
        text += f"; not compared with production: {check_in_words(compared[0])}"
    longest = max((c for c in checks if c.samples and c.fixed_samples), key=lambda c: c.samples or 0, default=None)
    if longest is not None:
        text += f", after {longest.samples} samples where a test of fixed size takes {longest.fixed_samples}"
    return text


def _no_verdict(deployment: Deployment, boards: Sequence[BoardRecord]) -> str:
    verdict = deployment.staging
    assert verdict is not None
    count = len(verdict.accepted)
    accept = "1 healthy board accepts" if count == 1 else f"{count} healthy boards accept"
    undecided = [board for board in boards if board.verdict and board.verdict.decision == "undecided"]
    heard = [board for board in boards if board.name in verdict.against]
    return "; ".join(
        [
            f"{accept} it where {verdict.quorum} must",
            *(f"{board.name}: {verdict_in_words(board)}" for board in undecided),
            *(f"{name} is quarantined: {in_words(why)}" for name, why in verdict.quarantined.items()),
            *(f"{board.name}: {verdict_in_words(board)}" for board in heard),
            *(f"no board of profile {profile} accepts it" for profile in verdict.unheard),
        ]
    )


FILTERS: Final[dict[str, Callable[..., str]]] = {
    "count": lambda value: f"{value:,}",
    "explained": checks_in_words,
    "grouped": formats.grouped,
    "metric": formats.metric,
    "image": lambda image: f"image {image[:8]}" if image else "no image",
    "number": formats.number,
    "percent": formats.percent,
    "score": lambda value: formats.in_unit(value, "score"),
    "seconds": formats.seconds,
    "together": together,
    "words": in_words,
}
_ENVIRONMENT: Final = Environment(autoescape=False, undefined=StrictUndefined)
_ENVIRONMENT.filters.update(FILTERS)
