"""The acceptance samples that are worth a look: those on which boards differ from TFLM."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_deployer.acceptance.agreement import deviation_steps, differs
from edge_deployer.acceptance.checks.outputs import tolerance_of
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.reference import Reference
from edge_deployer.boards.record import BoardRecord
from edge_deployer.quality import absolute_errors, anomaly_scores
from edge_deployer.release.acceptance_set import AcceptanceSet
from edge_deployer.report.drawings import draw, kind_of
from edge_deployer.report.facts import SamplePicture
from edge_deployer.rollout.deployment import Deployment
from edge_deployer.tensors import Array, dequantize

_SHOWN = 12
_SHOWN_VALUES = 3


@dataclass(frozen=True)
class _Answer:
    """One sample's answer, and the boards that gave it."""

    index: int
    output: Array
    boards: tuple[str, ...]
    differs: bool


def sample_pictures(acceptance: AcceptanceSet, deployment: Deployment) -> list[SamplePicture]:
    """The first samples on which boards differ from TFLM; where none does, the first that a staging board ran.

    Of the latter, those that it got wrong come before the others; for a regression those that are farthest off.

    Returns:
        At most 12; none where samples are neither pictures nor signals, or where no board got to them.
    """
    reference = deployment.reference
    if reference is None or kind_of(acceptance.input.sample_shape) is None:
        return []
    examined = [board for board in deployment.boards if board.evidence and board.evidence.answers]
    found = _differing(examined, reference, deployment.plan) or _first_run(examined, reference)
    return [_picture(answer, acceptance, reference) for answer in found[:_SHOWN]]


def _differing(boards: list[BoardRecord], reference: Reference, plan: AcceptancePlan) -> list[_Answer]:
    """Every answer that is not TFLM's, by sample; boards that give the same one stand together."""
    given: dict[tuple[int, bytes], _Answer] = {}
    for board in boards:
        outputs = _outputs(board)
        for index in map(int, np.flatnonzero(differs(outputs, reference, range(len(outputs)), tolerance_of(plan)))):
            key = (index, outputs[index].tobytes())
            earlier = given[key].boards if key in given else ()
            given[key] = _Answer(index, outputs[index], (*earlier, board.name), differs=True)
    return sorted(given.values(), key=lambda answer: answer.index)


def _first_run(boards: list[BoardRecord], reference: Reference) -> list[_Answer]:
    if not boards:
        return []
    outputs = _outputs(boards[0])
    if reference.metric == "mae" and reference.targets is not None:
        errors = absolute_errors(outputs, reference.targets.load()[: len(outputs)], reference.output)
        farthest = np.argsort(-errors, kind="stable").tolist()
        return [_Answer(index, outputs[index], (boards[0].name,), differs=False) for index in farthest]
    is_right = reference.right_answers(outputs) if reference.metric == "accuracy" else np.ones(len(outputs), np.bool_)
    order = sorted(range(len(outputs)), key=lambda index: (bool(is_right[index]), index))
    return [_Answer(index, outputs[index], (boards[0].name,), differs=False) for index in order]


def _outputs(board: BoardRecord) -> Array:
    assert board.evidence is not None
    assert board.evidence.answers is not None
    return board.evidence.answers.outputs.load()


def _picture(answer: _Answer, acceptance: AcceptanceSet, reference: Reference) -> SamplePicture:
    index, expected = answer.index, reference.reference_outputs
    drawing = draw(acceptance.inputs, index)
    deviation = None
    if expected is not None:
        deviation = int(deviation_steps(answer.output.reshape(1, -1), expected[index : index + 1])[0])
    return SamplePicture(
        kind=drawing.kind,
        index=index,
        png=drawing.png,
        curves=drawing.curves,
        boards=list(answer.boards),
        answer=_in_words(answer.output, index, reference),
        reference=None if expected is None else _in_words(expected[index], index, reference),
        truth=_truth(index, reference),
        deviation=deviation,
        differs=answer.differs,
    )


def _in_words(output: Array, index: int, reference: Reference) -> str:
    """The class that an output names, the score that it is or makes, or its first values."""
    row = output.reshape(1, *reference.output.sample_shape)
    if reference.names_classes:
        return reference.name(int(reference.named_classes(row)[0]))
    if reference.metric == "auc":
        targets = None if reference.targets is None else reference.targets.load()[index : index + 1]
        return f"score {anomaly_scores(row, targets, reference.output)[0]:.4g}"
    return _first_values(dequantize(row, reference.output))


def _truth(index: int, reference: Reference) -> str | None:
    if reference.metric == "auc" and reference.labels:
        return "anomaly" if reference.labels[index] else "normal"
    if reference.metric == "mae" and reference.targets:
        return _first_values(reference.targets.load()[index])
    return reference.name(reference.labels[index]) if reference.labels else None


def _first_values(values: Array) -> str:
    flat = values.ravel()
    return ", ".join(f"{value:.4g}" for value in flat[:_SHOWN_VALUES]) + (", ..." if len(flat) > _SHOWN_VALUES else "")
