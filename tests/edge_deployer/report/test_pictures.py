"""Which samples are worth a look, and what is said of them."""

from __future__ import annotations

import dataclasses

import numpy as np

from edge_deployer.acceptance.evidence import Answers, BoardEvidence
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.reference import Reference
from edge_deployer.acceptance.stored_array import StoredArray
from edge_deployer.boards.record import BoardRecord
from edge_deployer.release.acceptance_set import AcceptanceSet
from edge_deployer.report.facts import SamplePicture
from edge_deployer.report.pictures import sample_pictures
from edge_deployer.rollout.deployment import Deployment
from edge_deployer.task import Task
from edge_deployer.tensors import Array, TensorSpec
from tests.edge_deployer.report import sample_evidence, sample_reports

SIGNAL = TensorSpec("int8", (1, 16), 0.5, 0)


def test_samples_on_which_boards_differ_stand_alone_in_order_with_all_answers() -> None:
    found = sample_reports.refused_at_staging().samples
    assert [(sample.index, sample.differs, sample.boards) for sample in found] == [
        (index, True, ["staging-1", "staging-2"]) for index in (2, 11, 20)
    ]
    assert [(sample.answer, sample.reference, sample.truth) for sample in found] == [
        ("3", "2", "2"),
        ("2", "1", "1"),
        ("1", "0", "0"),
    ]
    assert all(sample.kind == "picture" and sample.png and not sample.curves for sample in found)
    assert found[0].deviation is not None
    assert found[0].deviation > 200


def test_answers_of_one_board_alone_bear_its_name() -> None:
    found = sample_reports.quarantined().samples
    assert {tuple(sample.boards) for sample in found} == {("staging-2",)}


def test_where_none_differs_wrong_answers_come_before_right_ones() -> None:
    found = sample_reports.promoted().samples
    assert [sample.index for sample in found] == [1, 40, 77, 0, *range(2, 10)]
    assert [sample.answer == sample.truth for sample in found] == [False] * 3 + [True] * 9
    assert {(sample.differs, sample.deviation) for sample in found} == {(False, 0)}


def test_signals_are_drawn_as_curves() -> None:
    (first, *_) = sample_reports.refused_on_signals().samples
    assert first.kind == "waveform"
    assert first.png is None
    assert first.curves is not None
    assert [len(curve) for curve in first.curves] == [128] * 3


def test_what_is_neither_a_picture_nor_a_signal_is_not_drawn() -> None:
    record = sample_reports.refused_at_staging().deployment
    acceptance = sample_evidence.acceptance()
    odd = dataclasses.replace(
        acceptance, input=TensorSpec("int8", (1, 4, 4, 4)), inputs=acceptance.inputs.reshape(-1, 4, 4, 4)
    )
    assert sample_pictures(odd, record) == []


def test_a_deployment_that_asked_no_board_shows_nothing() -> None:
    assert sample_reports.refused_at_evaluation().samples == []
    assert sample_reports.no_healthy_boards().samples == []


def test_scores_of_an_anomaly_detector_are_shown_as_scores() -> None:
    one = TensorSpec("int8", (1, 1), 0.25, 0)
    found = _pictures(
        AcceptanceSet(
            SIGNAL,
            one,
            _signals(2),
            np.array([[8], [20]], np.int8),
            labels=np.array([0, 1]),
            task=Task(name="anomaly"),
        ),
        np.array([[8], [40]], np.int8),
    )
    assert [(sample.answer, sample.reference, sample.truth) for sample in found] == [("score 10", "score 5", "anomaly")]
    assert found[0].deviation == 20


def test_real_values_are_shown_in_their_unit_and_the_first_of_many() -> None:
    four = TensorSpec("int8", (1, 4), 0.5, 0)
    outputs = np.array([[1, 2, 3, 4]], np.int8)
    targets = np.array([[0.5, 1.0, 1.5, 2.0]])
    acceptance = AcceptanceSet(SIGNAL, four, _signals(1), outputs, targets=targets, task=Task(name="regression"))
    (found,) = _pictures(acceptance, outputs * 3)
    assert (found.answer, found.reference, found.truth) == ("1.5, 3, 4.5, ...", "0.5, 1, 1.5, ...", "0.5, 1, 1.5, ...")


def test_real_values_that_are_farthest_off_come_first() -> None:
    one = TensorSpec("int8", (1, 1), 0.5, 0)
    outputs = np.array([[2], [4], [6]], np.int8)
    targets = np.array([[1.0], [5.0], [2.0]])
    acceptance = AcceptanceSet(SIGNAL, one, _signals(3), outputs, targets=targets, task=Task(name="regression"))
    assert [found.index for found in _pictures(acceptance, outputs)] == [1, 2, 0]


def test_without_a_reference_there_is_no_answer_of_tflms() -> None:
    two = TensorSpec("int8", (1, 2), 0.5, 0)
    acceptance = AcceptanceSet(SIGNAL, two, _signals(1), None, labels=np.array([1]), task=Task(name="classification"))
    (found,) = _pictures(acceptance, np.array([[9, 1]], np.int8))
    assert (found.answer, found.reference, found.truth, found.deviation, found.differs) == ("0", None, "1", None, False)


def _signals(count: int) -> Array:
    return np.arange(16 * count, dtype=np.int8).reshape(count, 16)


def _pictures(acceptance: AcceptanceSet, outputs: Array) -> list[SamplePicture]:
    """What is shown where one board gave these outputs."""
    answers = Answers(outputs=StoredArray.of(outputs), latencies_us=(100,) * len(outputs), seconds=1.0)
    evidence = BoardEvidence(board="s1", profile="cortex-m4", answers=answers)
    record = Deployment(
        outcome="refused",
        plan=AcceptancePlan(),
        reference=Reference.of(acceptance, {}, most=len(acceptance)),
        boards=[BoardRecord(name="s1", pool="staging", profile="cortex-m4", virtual=True, evidence=evidence)],
        started=sample_reports.STARTED,
        finished=sample_reports.STARTED,
    )
    return sample_pictures(acceptance, record)
