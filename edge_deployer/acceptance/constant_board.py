"""What an acceptance shows: not much, where a board that always gave the same answer would be accepted too."""

from __future__ import annotations

import numpy as np

from edge_deployer.acceptance.agreement import far_off
from edge_deployer.acceptance.floors import accuracy_floor, auc_floor
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.reference import Reference
from edge_deployer.acceptance.sequential_tests import disagreement_test
from edge_deployer.acceptance.statistics.decision import Decision, TooFewSamplesError


def constant_answer_that_passes(reference: Reference, plan: AcceptancePlan) -> str | None:
    """The answer that would pass as agreement if a board gave it to every sample, in words; None where none does.

    Of a model that names classes it is TFLM's commonest class, of another one TFLM's commonest output, and it is held
    against TFLM by the same test as a board. None, too, where a floor or a ceiling judges the answers themselves, which
    no constant answer passes, or where TFLM computed no answers.
    """
    outputs = reference.reference_outputs
    if outputs is None or judges_answers(reference, plan):
        return None
    labels = reference.reference_labels
    if labels is not None:
        commonest = int(np.bincount(labels[labels >= 0]).argmax()) if (labels >= 0).any() else 0
        failed, shares, answer = labels != commonest, plan.labels, f"class {reference.name(commonest)}"
    else:
        rows, counts = np.unique(outputs, axis=0, return_counts=True)
        same = np.repeat(rows[counts.argmax()][np.newaxis], len(outputs), axis=0)
        failed = far_off(same, reference, range(len(outputs)), plan.outputs.tolerance)
        shares, answer = plan.outputs, "the same output"
    try:
        outcome = disagreement_test(shares, len(reference), plan).decide_in_order(np.asarray(failed, np.bool_))
    except TooFewSamplesError:
        return None
    return answer if outcome.decision is Decision.ACCEPT else None


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
