"""The gates, the matrix, the budgets, the chain and the chart behind the page."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from edge_deployer.acceptance.plan import AcceptancePlan, Budget
from edge_deployer.finding import Told
from edge_deployer.report import formats, views
from edge_deployer.report.charts import training_charts
from edge_deployer.report.facts import Epoch, Report
from edge_deployer.report.gates import gate_line
from tests.edge_deployer.report import sample_evidence, sample_reports
from tests.edge_deployer.report.typography import plain


@pytest.mark.parametrize(
    ("case", "states"),
    [
        (sample_reports.promoted, ["passed"] * 5),
        (sample_reports.unchanged, ["passed", "passed", "passed", "earlier", "earlier"]),
        (sample_reports.refused_at_evaluation, ["passed", "stopped", "passed", "not reached", "not reached"]),
        (sample_reports.refused_regression, ["passed", "stopped", "passed", "not reached", "not reached"]),
        (
            sample_reports.refused_at_validation,
            ["no record", "no record", "stopped", "not reached", "not reached"],
        ),
        (sample_reports.refused_at_staging, ["passed", "passed", "passed", "stopped", "not reached"]),
        (sample_reports.refused_in_production, ["passed", "passed", "passed", "passed", "stopped"]),
        (sample_reports.quarantined, ["passed"] * 5),
        (sample_reports.undecided, ["passed", "passed", "passed", "undecided", "not reached"]),
        (sample_reports.too_few_boards, ["passed", "passed", "passed", "undecided", "not reached"]),
        (
            sample_reports.no_healthy_boards,
            ["passed", "passed", "passed", "undecided", "not reached", "not reached"],
        ),
        (
            sample_reports.refused_at_boards,
            ["passed", "passed", "passed", "stopped", "not reached", "not reached"],
        ),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_gate_line(case: Callable[[], Report], states: list[str]) -> None:
    assert [mark.state for mark in gate_line(case())] == states


def test_a_second_gate_that_refuses_is_marked() -> None:
    report = sample_reports.refused_at_evaluation()
    assert report.validation is not None
    report.validation = report.validation.model_copy(update={"blessed": False, "reason": Told(text="too big")})
    assert [mark.state for mark in gate_line(report)][1:3] == ["stopped", "failed too"]
    report.validation = None
    assert [mark.state for mark in gate_line(report)][1:3] == ["stopped", "not reached"]


def test_gates_count_the_boards_that_accept_and_no_spare_that_was_not_needed() -> None:
    notes = {mark.name: mark.note for mark in gate_line(sample_reports.refused_in_production())}
    assert notes["staging"] == "2 of 2 boards accept"
    assert notes["production"] == "1 of 3 boards accept"
    notes = {mark.name: mark.note for mark in gate_line(sample_reports.quarantined())}
    assert notes["staging"] == "2 of 3 boards accept"


def test_confusion_sums_and_shades() -> None:
    found = views.confusion_view(sample_reports.validation())
    assert found is not None
    assert (found.errors, found.total) == (7, 360)
    assert found.mistakes[0] == views.Mistake("8", "1", 2)
    assert found.rows[8].recall == 33 / 36
    assert found.rows[8].cells[1].strength > found.rows[8].cells[9].strength > 0
    assert found.rows[8].cells[0].strength == 0


def test_confusion_without_names_or_without_samples_of_a_class() -> None:
    counts = [[3, 0], [0, 0]]
    found = views.confusion_view(
        sample_reports.validation().model_copy(update={"class_names": [], "confusion": counts})
    )
    assert found is not None
    assert found.names == ["0", "1"]
    assert found.rows[1].recall is None
    assert views.confusion_view(sample_reports.validation().model_copy(update={"confusion": None})) is None


def test_budgets_over_and_without_limit() -> None:
    report = sample_reports.refused_at_validation()
    arena, flash, latency = views.budgets(report)
    assert (arena.over, flash.over, latency.over) == (True, False, False)
    assert arena.used_share == 1.0
    assert arena.limit_share == 65_536 / 71_248
    budget = Budget(arena_bytes=100, flash_bytes=200, latency_p50_us=900, latency_max_us=800)
    report.deployment.plan = AcceptancePlan(budgets={sample_evidence.PROFILE: budget})
    assert [plain(found.limit) for found in views.budgets(report) if found.limit] == ["100 B", "200 B", "800 µs"]
    report.deployment.plan = AcceptancePlan()
    assert views.budgets(report)[2].limit is None
    assert views.budgets(Report(title="", deployment=report.deployment)) == []


def test_the_chain_ends_at_the_signed_image() -> None:
    chain = views.lineage_chain(sample_reports.promoted())
    assert chain[0].identity == f"sha256:{sample_reports.digest('digits')}"
    assert chain[-1].identity == f"sha256:{sample_reports.NEW_IMAGE}"
    assert [link.step for link in views.lineage_chain(sample_reports.pushed_by_hand())] == [
        "released model",
        "signed image",
    ]
    assert views.lineage_chain(sample_reports.refused_at_validation()) == []


def test_key_figures_fall_back_on_the_validator() -> None:
    report = sample_reports.promoted()
    report.evaluation = None
    assert views.key_figures(report)[0].note.startswith("TFLM on the host")
    assert report.validation is not None
    report.validation = report.validation.model_copy(update={"figures": {"accuracy": 0.96, "auc": 0.98765}})
    assert [(figure.label, figure.figure) for figure in views.key_figures(report)[:2]] == [
        ("Accuracy, int8", "96.0\u202f%"),
        ("AUC, int8", "0.988"),
    ]
    report.validation = None
    report.deployment.staging = None
    assert [figure.label for figure in views.key_figures(report)] == ["Boards on this release"]


def test_the_least_accuracy_on_the_device_stands_at_the_top() -> None:
    report = sample_reports.promoted()
    figure = next(found for found in views.key_figures(report) if found.label == "Accuracy on the device")
    bounds = [board.verdict.device_accuracy for board in report.deployment.boards if board.verdict]
    least = min(bound.low for bound in bounds if bound)
    assert figure.figure == f"≥ {formats.percent(least)}"
    assert plain(figure.note) == "at least, with 95 % confidence"


def test_charts_take_the_colours_of_the_page() -> None:
    charts = training_charts(sample_reports.training())
    assert [chart.title for chart in charts] == ["Loss", "Accuracy"]
    for chart in charts:
        assert "var(--accent)" in chart.svg
        assert not re.search(r"#|http| id=", chart.svg)
        assert "over 25 epochs" in chart.description


def test_a_chart_of_the_same_epochs_is_the_same_text() -> None:
    first, again = (training_charts(sample_reports.training(3)) for _ in range(2))
    assert first == again


@pytest.mark.parametrize("loss", [0.4, float("nan"), float("inf")])
def test_one_epoch_and_a_loss_that_is_no_number_can_be_drawn(loss: float) -> None:
    charts = training_charts([Epoch(loss=loss, accuracy=0.5, eval_loss=0.5, eval_accuracy=0.4)])
    assert all(chart.svg.startswith("<svg") for chart in charts)


def test_errors_are_drawn_against_the_greatest() -> None:
    report = sample_reports.refused_regression()
    assert views.slice_scale(report) == 85.5
    assert views.conversion_scale(report) == 71.25
    shares = sample_reports.promoted()
    assert (views.slice_scale(shares), views.conversion_scale(shares)) == (1.0, 1.0)
    assert gate_line(report)[1].note == "71.25, ceiling 30"
