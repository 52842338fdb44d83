"""What an acceptance shows: not much, where a board that always gave the same answer would be accepted too."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict

from edge_deployer.acceptance.check import Case, all_checks, sequential_results
from edge_deployer.acceptance.evidence import Answers, BoardEvidence
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.reference import Reference
from edge_deployer.acceptance.statistics.decision import TooFewSamplesError
from edge_deployer.acceptance.stored_array import StoredArray
from edge_deployer.finding import Finding, kind
from edge_deployer.task import Metric
from edge_deployer.tensors import Array


class ConstantAnswer(BaseModel):
    """What a board might always answer: a class by its name, or an output where `class_name` is None."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    class_name: str | None


ParityOnly = kind(
    "parity_only",
    "parity only: {% if metric is none %}nothing is known of its accuracy{% else %}no floor or ceiling judges its "
    "{{ metric }}{% endif %}{% if hardly_moves %}; random inputs hardly move this model{% endif %}",
    {"metric": Metric | None, "hardly_moves": bool},
)


def constant_answer_that_passes(reference: Reference, plan: AcceptancePlan) -> ConstantAnswer | None:
    """The answer that would pass if a board gave it to every sample; None where none does.

    Of a model that names classes it is TFLM's commonest class, of another one TFLM's commonest output. It is judged by
    the checks of a board: agreement, by class or else by output, and whatever floor or ceiling there is.

    Returns:
        None, too, where TFLM computed no answers, or the samples are too few for a check.
    """
    if reference.outputs is None:
        return None
    output, answer = _commonest(reference)
    same = np.repeat(output[np.newaxis], len(reference), axis=0)
    board = BoardEvidence(
        board="constant",
        profile="",
        answers=Answers(outputs=StoredArray.of(same), latencies_us=(None,) * len(same), seconds=0.0),
    )
    try:
        checks = sequential_results(Case(board, reference, plan))
    except TooFewSamplesError:
        return None
    # Every output of a class is the same class, and which of them a constant board gives does not matter.
    regarded = [check for check in checks if check.name != "outputs" or not reference.names_classes]
    return answer if all(check.status in ("passed", "skipped") for check in regarded) else None


def _commonest(reference: Reference) -> tuple[Array, ConstantAnswer]:
    """TFLM's commonest answer: its output, and what it is."""
    assert reference.outputs is not None
    outputs, labels = reference.outputs.load(), reference.reference_labels
    if labels is None:
        _, first, counts = np.unique(outputs.reshape(len(outputs), -1), axis=0, return_index=True, return_counts=True)
        return outputs[first[counts.argmax()]], ConstantAnswer(class_name=None)
    named, first, counts = np.unique(labels, return_index=True, return_counts=True)
    commonest = reference.name(int(named[counts.argmax()]))
    return outputs[first[counts.argmax()]], ConstantAnswer(class_name=commonest)


def caution(reference: Reference, plan: AcceptancePlan) -> Finding | None:
    """What an accepted release has not shown, for its headline; None where its answers were judged."""
    metric = reference.metric
    if metric is not None and any(check.judges_quality(plan, reference) for check in all_checks()):
        return None
    moves = not reference.random or constant_answer_that_passes(reference, plan) is None
    return ParityOnly(metric=metric, hardly_moves=not moves)
