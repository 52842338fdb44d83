"""Plan, verdicts and checks in the words and units in which page, Markdown and terminal show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge_deployer.acceptance.check import CheckResult
from edge_deployer.acceptance.plan import AcceptancePlan, Budget
from edge_deployer.acceptance.registry import declaration_of, declared
from edge_deployer.acceptance.verdict import AccuracyBound
from edge_deployer.boards.record import BoardRecord
from edge_deployer.report import formats, words
from edge_deployer.rollout.deployment import Deployment

CheckState = Literal["passed", "failed", "warns", "undecided", "skipped"]
BoardState = Literal["accepted", "refused", "undecided", "quarantined", "not examined"]


@dataclass(frozen=True)
class CheckRow:
    """One check of one board, to be shown."""

    name: str  # In words.
    state: CheckState  # ``warns`` where it failed and refuses nothing, or passed with a warning.
    measured: str  # The figure, or an em dash.
    limit: str  # What it was held against, or an em dash.
    bound: str  # What can be said of the true figure; may be empty.
    samples: str  # What the decision took; may be empty.
    finding: str  # In words; empty where the figures say it all.

    @property
    def has_figures(self) -> bool:
        """Whether it measured something, or was held against something."""
        return (self.measured, self.limit) != ("—", "—")


def check_rows(board: BoardRecord) -> list[CheckRow]:
    """The checks of a board in the order in which they were judged; empty without a verdict."""
    return [_row(check, board) for check in board.verdict.checks] if board.verdict else []


def board_state(board: BoardRecord, deployment: Deployment) -> BoardState:
    """What the board's verdict counts for: nothing, where the pool does not trust the board."""
    if board.quarantined or board.name in _quarantined(deployment):
        return "quarantined"
    return board.verdict.decision if board.verdict else "not examined"


def why_quarantined(board: BoardRecord, deployment: Deployment) -> str | None:
    """Why the board is in quarantine, since before this deployment or through it; None if it is not."""
    if board.quarantined:
        return words.in_words(board.quarantined)
    return _quarantined(deployment).get(board.name)


def board_facts(board: BoardRecord) -> list[tuple[str, str]]:
    """What was found on a board besides its checks: name and figure."""
    evidence, facts = board.evidence, []
    if board.verdict and board.verdict.device_accuracy:
        facts.append(("accuracy on the device", describe_accuracy(board.verdict.device_accuracy)))
    if evidence and evidence.answers:
        count = len(evidence.answers.latencies_us)
        facts.append(("time over the line", f"{formats.seconds(evidence.answers.seconds)} for {_samples(count)}"))
    if evidence and evidence.production and evidence.production.answers:
        asked = evidence.production.answers
        told = f"{formats.seconds(asked.seconds)} for {_samples(len(asked.latencies_us))} of "
        facts.append(("production asked first", f"{told}{evidence.production.image_hash[:8]}"))
    if evidence and evidence.repeated:
        facts.append(("asked again", f"{_samples(len(evidence.repeated.samples))} on which it alone differs"))
    return facts


def staging_facts(deployment: Deployment) -> list[tuple[str, str]]:
    """What the staging pool found, name and figure; empty where it came to no verdict of its own."""
    verdict = deployment.staging
    if verdict is None:
        return []
    names = f" ({', '.join(verdict.accepted)})" if verdict.accepted else ""
    facts = [("boards that accept", f"{len(verdict.accepted)}{names}, {verdict.quorum} needed")]
    bound = words.least_accuracy(deployment)
    if bound:
        facts.append(("accuracy on the device", describe_accuracy(bound)))
    facts += [("in quarantine", f"{name}: {reason}") for name, reason in _quarantined(deployment).items()]
    stood_in = [board.name for board in deployment.boards if board.spare and board.evidence]
    if stood_in:
        facts.append(("spares that stood in", ", ".join(stood_in)))
    return facts


def describe_accuracy(bound: AccuracyBound) -> str:
    """The bound with what it rests on."""
    over = "" if bound.host_samples is None else f" over {formats.grouped(bound.host_samples)} held-out samples"
    return (
        f"at least {formats.percent(bound.low)} with {formats.confidence(bound.confidence)} confidence: TFLM's "
        f"{formats.percent(bound.host_accuracy)}{over}, less at most {formats.percent(bound.disagreement)} on which "
        "the device names another class"
    )


def gate_in_words(deployment: Deployment) -> str:
    """How it ended, and where: ``Refused at staging``, ``No verdict before installation``, ``Promoted``."""
    places = {"signature": "at the signature check", "boards": "before installation", "production": "in production"}
    gate, outcome = deployment.gate, deployment.outcome.capitalize()
    if gate:
        return f"{outcome} {places.get(gate, f'at {gate}')}"
    caution = words.caution(deployment)
    return f"{outcome}, {caution}" if caution else outcome


def plan_rows(plan: AcceptancePlan) -> list[tuple[str, str]]:
    """What the plan asks, one row per entry, with what it means."""
    rows = [
        ("Samples, staging", f"as many as a decision needs, {formats.grouped(plan.samples)} at most"),
        ("Samples, production", f"{formats.grouped(plan.golden_vectors)} golden vectors"),
        ("Error rates", _error_rates(plan)),
        *_sections_of(plan),
        ("Quorum", "two staging boards, or one where there is one" if plan.quorum is None else f"{plan.quorum} boards"),
    ]
    rows += [(f"Budget of {profile}", _budget(budget)) for profile, budget in plan.budgets.items()]
    warns = [formats.words(name) for name, consequence in plan.on_failure.items() if consequence == "warn"]
    return [*rows, ("Only warn", ", ".join(warns) or "no check")]


def _row(check: CheckResult, board: BoardRecord) -> CheckRow:
    return CheckRow(
        name=formats.words(check.name),
        state="warns" if check.is_warning else check.status,
        measured=formats.check_measured(check),
        limit=formats.check_limit(check),
        bound=formats.check_bound(check),
        samples=formats.check_samples(check),
        finding=_finding(check, board),
    )


def _finding(check: CheckResult, board: BoardRecord) -> str:
    declaration = declaration_of(check.name)
    told = declaration is not None and declaration.told_by_figures
    if check.status == "passed" and (told or (check.name == "arena" and not board.virtual and not check.doubtful)):
        return ""
    if check.status == "failed" and check.only_warns:
        return f"{words.check_in_words(check)}; only warns, by the plan"
    estimated = board.virtual and check.name == "latency" and check.measured is not None
    return words.check_in_words(check) + (f"; estimate of profile {board.profile}" if estimated else "")


def _quarantined(deployment: Deployment) -> dict[str, str]:
    found = deployment.staging.quarantined if deployment.staging else {}
    return {name: words.in_words(reason) for name, reason in found.items()}


def _samples(count: int) -> str:
    return f"{formats.grouped(count)} sample{'' if count == 1 else 's'}"


def _sections_of(plan: AcceptancePlan) -> list[tuple[str, str]]:
    """A row for each check that plans have a section for."""
    rows = []
    for check in declared():
        if check.section is not None:
            facts = {"section": plan.section(check.section), "plan": plan}
            rows.append((words.render(check.heading, **facts), words.render(check.asks, **facts)))
    return rows


def _error_rates(plan: AcceptancePlan) -> str:
    return (
        f"what is as good as tolerated is refused with probability {formats.percent(plan.alpha)} at most, what is bad "
        f"is accepted with {formats.percent(plan.beta)} at most; bounds hold with "
        f"{formats.confidence(plan.confidence)} confidence"
    )


def _budget(budget: Budget) -> str:
    parts = [f"{name} {formats.duration_us(limit)}" for name, limit in budget.latency_limits.items()]
    sizes = {"arena": budget.arena_bytes, "flash": budget.flash_bytes}
    parts += [f"{name} {formats.byte_count(limit)}" for name, limit in sizes.items() if limit is not None]
    return ", ".join(parts) or "what the profile has"
