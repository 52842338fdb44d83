"""Parts of the report that need arithmetic before they can be shown. Pure functions of the report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import permutations

from edge_deployer.acceptance.registry import Unit
from edge_deployer.boards.fleet import what_boards_run
from edge_deployer.release.validation_report import ValidationReport
from edge_deployer.report import formats
from edge_deployer.report.facts import LineageStep, Report
from edge_deployer.report.words import least_accuracy
from edge_deployer.task import ERRORS, Task

_WORST_SHOWN = 5


@dataclass(frozen=True)
class KeyFigure:
    """One figure at the top of the page: its name, the figure, and what it is held against or rests on."""

    label: str
    figure: str
    note: str


@dataclass(frozen=True)
class Cell:
    """One cell of the confusion matrix."""

    count: int  # Samples.
    strength: float  # Opacity of its shade, 0 to 0.7; low enough that the text on it stays readable.


@dataclass(frozen=True)
class ConfusionRow:
    """The samples of one true class: how often each class was answered, and the share that was right (recall)."""

    name: str
    cells: list[Cell]
    total: int
    recall: float | None


@dataclass(frozen=True)
class Mistake:
    """Samples of one class that were taken for another."""

    truth: str
    answer: str
    count: int


@dataclass(frozen=True)
class Confusion:
    """The confusion matrix, row by true class; `mistakes` are the most frequent errors, most frequent first."""

    names: list[str]
    rows: list[ConfusionRow]
    mistakes: list[Mistake]
    errors: int
    total: int


@dataclass(frozen=True)
class BudgetRow:
    """A figure against its limit."""

    label: str
    used: str
    limit: str | None  # None where none is set.
    used_share: float  # Length of the bar, 0 to 1 of the scale.
    limit_share: float  # Where on the scale the limit stands.
    verdict: str  # The relation in words.
    over: bool  # Whether the figure is beyond the limit.
    note: str


def key_figures(report: Report) -> list[KeyFigure]:
    """Quality in TFLM and on the device, model, arena, latency and boards: those that are known."""
    found = (*_quality(report), _on_device(report), *_sizes(report), _boards(report))
    return [figure for figure in found if figure]


def task_of(report: Report) -> Task | None:
    """What the model is for, and how that was found; None where nothing tells."""
    if report.validation and report.validation.task:
        return report.validation.task
    return report.evaluation.task if report.evaluation else None


def confusion_view(validation: ValidationReport) -> Confusion | None:
    """Shade and sum the confusion matrix; None without one. Classes that have no names are called by their index."""
    counts = validation.confusion
    if not counts:
        return None
    size = len(counts)
    names = validation.class_names if len(validation.class_names) == size else [str(index) for index in range(size)]
    others = [(truth, answer) for truth, answer in permutations(range(size), 2) if counts[truth][answer]]
    mistakes = [Mistake(names[truth], names[answer], counts[truth][answer]) for truth, answer in others]
    mistakes.sort(key=lambda mistake: -mistake.count)
    return Confusion(
        names=names,
        rows=[_confusion_row(names[truth], row, truth) for truth, row in enumerate(counts)],
        mistakes=mistakes[:_WORST_SHOWN],
        errors=sum(mistake.count for mistake in mistakes),
        total=sum(map(sum, counts)),
    )


def budgets(report: Report) -> list[BudgetRow]:
    """Arena, flash and latency against the profile and the plan's budget for it; empty without a validation report."""
    validation = report.validation
    if validation is None:
        return []
    release, budget = report.deployment.release, report.deployment.plan.budget(validation.profile)
    found = [
        _budget(
            "Flash",
            release.image_bytes if release else validation.model_bytes,
            min(validation.slot_limit, budget.flash_bytes or validation.slot_limit),
            note="signed image in one slot" if release else "the model alone: there is no image",
            unit="bytes",
        )
    ]
    if validation.arena_bytes is not None:
        limit = min(validation.arena_limit, budget.arena_bytes or validation.arena_limit)
        note = f"smallest arena {formats.OF_THE_HOST}; what each board reports stands with the board"
        found.insert(0, _budget("Arena", validation.arena_bytes, limit, note=note, unit="bytes"))
    strictest = min(budget.latency_limits.values(), default=None)
    if validation.latency_us is not None:
        # One figure for all percentiles: it is held against the least of their limits.
        note = _of_estimate(validation)
        found.append(_budget("Latency", validation.latency_us, strictest, note=note, unit="microseconds"))
    elif validation.latency_note is not None:
        held_to = None if strictest is None else formats.duration_us(strictest)
        found.append(BudgetRow("Latency", "no figure", held_to, 0.0, 1.0, "not known", False, validation.latency_note))
    return found


def slice_scale(report: Report) -> float:
    """What the longest bar of the slices stands for: 1 for shares, the greatest for errors."""
    judged = report.evaluation
    if judged is None or judged.metric not in ERRORS:
        return 1.0
    return max([*(part.figure for part in judged.slices), judged.most.get(judged.metric, 0.0)]) or 1.0


def conversion_scale(report: Report) -> float:
    """What the longest bar of float against int8 stands for: 1 for shares, the greater one for errors."""
    made = report.conversion
    if made is None or made.metric not in ERRORS:
        return 1.0
    return max(made.float_figure, made.int8_figure) or 1.0


def lineage_chain(report: Report) -> list[LineageStep]:
    """The recorded lineage up to the release image; where none is recorded, what data and manifest tell of it."""
    known, release = [], report.deployment.release
    if not report.lineage and report.data:
        known.append(("data", report.data.source, report.data.fingerprint))
    if release:
        known.append(("released model", release.manifest.name, release.manifest.model_sha256))
        known.append(("signed image", release.release_id, release.image_hash))
    steps = [LineageStep(step=step, artifact=artifact, identity=f"sha256:{digest}") for step, artifact, digest in known]
    return [*report.lineage, *steps]


def consequence(report: Report) -> str:
    """What a release that did not go on means for the boards, from the boards' own records."""
    boards = report.deployment.boards
    lost = [board.name for board in boards if board.outcome == "not restored"]
    if lost:
        return f"Not restored: {', '.join(lost)}. Whoever looks after the boards must see to them."
    changed = [board for board in boards if board.outcome in ("reverted", "rolled back")]
    if changed:
        had_it = f"{len(changed)} of {len(boards)} boards had the release and run their earlier image again."
    elif report.deployment.release is None:
        return "The model never became a release. No board was touched."
    else:
        had_it = "No board was given the release."
    runs = what_boards_run(boards, report.deployment.releases)
    return f"{had_it} By their last answers, {runs}." if runs else had_it


def _quality(report: Report) -> list[KeyFigure]:
    """The task's figures: TFMA's, or else the validator's."""
    if report.evaluation:
        found, note = report.evaluation.figures, f"TFMA over {formats.grouped(report.evaluation.examples)} examples"
        precision: str | None = "int8"
    elif report.validation:
        found, precision = report.validation.figures, report.validation.precision
        note = f"TFLM on the host, {formats.grouped(report.validation.eval_samples)} samples"
    else:
        return []
    return [
        KeyFigure(", ".join(filter(None, (formats.METRICS[name], precision))), formats.metric(value, name), note)
        for name, value in found.items()
    ]


def _on_device(report: Report) -> KeyFigure | None:
    """The bound of the staging board that shows least."""
    bound = least_accuracy(report.deployment)
    if bound is None:
        return None
    note = f"at least, with {formats.confidence(bound.confidence)} confidence"
    return KeyFigure("Accuracy on the device", f"≥ {formats.percent(bound.low)}", note)


def _sizes(report: Report) -> list[KeyFigure]:
    validation = report.validation
    if validation is None:
        return []
    kind = f"TFLite file, {validation.precision}" if validation.precision else "TFLite file"
    figures = [KeyFigure("Model", formats.byte_count(validation.model_bytes), kind)]
    if validation.arena_bytes is not None:
        note = f"of {formats.byte_count(validation.arena_limit)}, {formats.OF_THE_HOST}"
        figures.append(KeyFigure("Arena", formats.byte_count(validation.arena_bytes), note))
    if validation.latency_us is not None:
        figures.append(KeyFigure("Latency", formats.duration_us(validation.latency_us), _of_estimate(validation)))
    elif validation.latency_note is not None:
        figures.append(KeyFigure("Latency", "no figure", validation.latency_note))
    return figures


def _boards(report: Report) -> KeyFigure | None:
    boards, release = report.deployment.boards, report.deployment.release
    if not boards or release is None:
        return KeyFigure("Boards on this release", "0", "no board was touched")
    running = sum(board.image_after == release.image_hash for board in boards)
    virtual = sum(board.virtual for board in boards)
    real = len(boards) - virtual
    kinds = f"{virtual} virtual, {real} real" if virtual and real else "all virtual" if virtual else "all real"
    return KeyFigure("Boards on this release", f"{running} of {len(boards)}", kinds)


def _confusion_row(name: str, row: Sequence[int], truth: int) -> ConfusionRow:
    total = sum(row)
    cells = [Cell(count, _strength(count, total, right=answer == truth)) for answer, count in enumerate(row)]
    return ConfusionRow(name, cells, total, row[truth] / total if total else None)


def _strength(count: int, total: int, *, right: bool) -> float:
    if not count:
        return 0.0
    # A single error in a large class must still be seen: errors are shaded by the root of their share.
    return round(0.06 + 0.34 * count / total if right else 0.16 + 0.54 * math.sqrt(count / total), 3)


def _of_estimate(validation: ValidationReport) -> str:
    speeds = f"; its speeds are those of {validation.latency_note}" if validation.latency_note else ""
    return f"estimate from profile {validation.profile}, not measured{speeds}"


def _budget(label: str, used: float, limit: int | None, *, note: str, unit: Unit) -> BudgetRow:
    show = partial(formats.in_unit, unit=unit)
    if limit is None:
        return BudgetRow(label, show(used), None, 0.0, 1.0, "no limit set", False, note)
    scale = max(used, limit)
    over = used > limit
    verdict = f"{show(used - limit)} over the limit" if over else f"{formats.percent(used / limit)} of the limit"
    return BudgetRow(label, show(used), show(limit), used / scale, limit / scale, verdict, over, note)
