"""What an acceptance shows: not much, where a board that always gave the same answer would be accepted too."""

from __future__ import annotations

import numpy as np

from edge_deployer.acceptance.evidence import Answers, BoardEvidence
from edge_deployer.acceptance.floors import accuracy_floor, auc_floor
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.reference import Reference
from edge_deployer.acceptance.sequential_checks import sequential_checks
from edge_deployer.acceptance.statistics.decision import TooFewSamplesError
from edge_deployer.acceptance.stored_array import StoredArray
from edge_deployer.tensors import Array


def constant_answer_that_passes(reference: Reference, plan: AcceptancePlan) -> str | None:
    """The answer that would pass if a board gave it to every sample, in words; None where none does.

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
        checks = sequential_checks(board, reference, plan)
    except TooFewSamplesError:
        return None
    # Every output of a class is the same class, and which of them a constant board gives does not matter.
    regarded = [check for check in checks if check.name != "outputs" or not reference.names_classes]
    return answer if all(check.status in ("passed", "skipped") for check in regarded) else None


def _commonest(reference: Reference) -> tuple[Array, str]:
    """TFLM's commonest answer, as an output and in words."""
    assert reference.outputs is not None
    outputs, labels = reference.outputs.load(), reference.reference_labels
    if labels is None:
        _, first, counts = np.unique(outputs.reshape(len(outputs), -1), axis=0, return_index=True, return_counts=True)
        return outputs[first[counts.argmax()]], "the same output"
    named, first, counts = np.unique(labels, return_index=True, return_counts=True)
    return outputs[first[counts.argmax()]], f"class {reference.name(int(named[counts.argmax()]))}"


def judges_answers(reference: Reference, plan: AcceptancePlan) -> bool:
    """Whether a floor or a ceiling judges how good the answers are, beside whether they are TFLM's."""
    if reference.metric is None:
        return False
    floors = (accuracy_floor(plan, reference), auc_floor(plan, reference), plan.mae)
    return any(floor is not None for floor in floors)


def caution(reference: Reference, plan: AcceptancePlan) -> str | None:
    """What an accepted release has not shown, for its headline; None where its answers were judged."""
    if judges_answers(reference, plan):
        return None
    if reference.metric is None:
        text = "parity only: nothing is known of its accuracy"
    else:
        text = f"parity only: no floor or ceiling judges its {reference.metric}"
    if reference.random and constant_answer_that_passes(reference, plan) is not None:
        text += "; random inputs hardly move this model"
    return text
