"""The drawings of a regression and of its training."""

from __future__ import annotations

import re

import numpy as np

from edge_deployer.acceptance.reference import Reference
from edge_deployer.release.acceptance_set import AcceptanceSet
from edge_deployer.report.charts import scatter_chart, training_charts
from edge_deployer.report.facts import Epoch
from edge_deployer.task import Task
from edge_deployer.tensors import TensorSpec, dequantize
from tests.edge_deployer.report import sample_evidence, sample_reports

OUTPUT = TensorSpec("int8", (1, 1), 0.5, 3)


def answered(samples: int) -> Reference:
    inputs = np.zeros((samples, 4), np.int8)
    outputs = (np.arange(samples) % 100).astype(np.int8).reshape(-1, 1)
    targets = dequantize(outputs, OUTPUT).astype(np.float64) + np.where(np.arange(samples) % 2, 1.0, -1.0)[:, None]
    given = TensorSpec("int8", (1, 4), 1.0, 0)
    held = AcceptanceSet(given, OUTPUT, inputs, outputs, targets=targets, task=Task(name="regression"))
    return Reference.of(held, {}, most=samples)


def test_each_value_is_a_dot_beside_the_line_of_equal_values() -> None:
    chart = scatter_chart(answered(20))
    assert chart is not None
    assert "20 of 20 of the acceptance set" in chart.description
    dots = re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', chart.svg)
    assert len(dots) == 20
    (line,) = re.findall(r'd="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)"', chart.svg)
    left, bottom, right, top = map(float, line)
    over = [float(y) < bottom + (top - bottom) * (float(x) - left) / (right - left) for x, y in dots]
    assert over == [index % 2 == 0 for index in range(20)], "an answer above the truth lies over the line"


def test_more_than_a_page_can_show() -> None:
    chart = scatter_chart(answered(500))
    assert chart is not None
    assert "400 of 500" in chart.description
    assert chart.svg.count("<circle") == 400


def test_there_is_no_scatter_of_classes_or_without_answers() -> None:
    assert scatter_chart(None) is None
    assert scatter_chart(sample_evidence.reference()) is None
    assert scatter_chart(answered(9).model_copy(update={"outputs": None})) is None


def test_a_training_without_accuracy_has_one_chart() -> None:
    assert [chart.title for chart in training_charts(sample_reports.training())] == ["Loss", "Accuracy"]
    assert [chart.title for chart in training_charts([Epoch(loss=2.0, eval_loss=2.5)])] == ["Loss"]
