"""Writes the report: a page that needs nothing but itself, Markdown in short, JUnit XML, and JSON with all evidence."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from edge_deployer.files import make_folder, write_file
from edge_deployer.report import acceptance_view, formats, views, words
from edge_deployer.report.change_view import change_rows, file_rows
from edge_deployer.report.charts import scatter_chart, training_charts
from edge_deployer.report.data_view import data_warnings, gate_rows
from edge_deployer.report.facts import Report
from edge_deployer.report.folders import REPORT_HTML, REPORT_JSON, REPORT_JUNIT, REPORT_MARKDOWN
from edge_deployer.report.gates import gate_line
from edge_deployer.report.glossary import words_in
from edge_deployer.report.junit import render_junit
from edge_deployer.report.markdown import render_markdown
from edge_deployer.report.sequential_chart import sequential_chart


def write_report(report: Report, folder: Path) -> Path:
    """Write `report.html`, `report.md`, `junit.xml` and `report.json` into `folder`, which is made if need be.

    Each file appears whole or not at all; an earlier report in the folder is replaced.

    Returns:
        Path of the HTML page.

    Raises:
        TinyopsError: the folder cannot be written to.
    """
    pages = {
        REPORT_JSON: report.model_dump_json(indent=2) + "\n",
        REPORT_MARKDOWN: render_markdown(report),
        REPORT_JUNIT: render_junit(report),
        REPORT_HTML: render_html(report),
    }
    remedy = "correct the folder's permissions, or name another folder"
    make_folder(folder, remedy=remedy)
    for name, text in pages.items():
        write_file(folder / name, text.encode(), remedy=remedy)
    return folder / REPORT_HTML


def render_html(report: Report) -> str:
    """The page as text: a pure function of the report."""
    template = page_environment().get_template("report.html.j2")
    return template.render(
        report=report,
        deployment=report.deployment,
        gates=gate_line(report),
        figures=views.key_figures(report),
        headline=words.headline(report.deployment),
        remedy=words.remedy(report.deployment),
        staging_found=words.staging_in_words(report.deployment),
        consequence=views.consequence(report),
        charts=training_charts(report.training) if report.training else [],
        scatter=scatter_chart(report.deployment.reference),
        slice_scale=views.slice_scale(report),
        conversion_scale=views.conversion_scale(report),
        data_gates=gate_rows(report.data_gates),
        data_warnings=data_warnings(report.data) if report.data else [],
        confusion=views.confusion_view(report.validation) if report.validation else None,
        budgets=views.budgets(report),
        change_rows=change_rows(report.deployment.change) if report.deployment.change else [],
        file_rows=file_rows(report.deployment.change) if report.deployment.change else [],
        lineage=views.lineage_chain(report),
        staging_facts=acceptance_view.staging_facts(report.deployment),
        sequential=sequential_chart(report.deployment),
        plan_rows=acceptance_view.plan_rows(report.deployment.plan),
        glossary=words_in(render_markdown(report)),
        task=views.task_of(report),
        made_elsewhere=not (report.training or report.conversion or report.evaluation),
    )


@cache
def page_environment() -> Environment:
    """For templates of pages: what they print is escaped, and what they lack is an error. It keeps what it compiles."""
    environment = Environment(
        loader=PackageLoader("edge_deployer.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        words.FILTERS,
        board_facts=acceptance_view.board_facts,
        board_state=acceptance_view.board_state,
        byte_count=formats.byte_count,
        check_rows=acceptance_view.check_rows,
        duration_us=formats.duration_us,
        figures=formats.figures,
        front_end=words.front_end_in_words,
        gate_in_words=acceptance_view.gate_in_words,
        heading=formats.METRICS.__getitem__,
        number=formats.number,
        percent=formats.percent,
        change=formats.change,
        polyline=_polyline,
        short_hash=formats.short_hash,
        utc=formats.utc,
        why_quarantined=acceptance_view.why_quarantined,
        step_detail=words.step_detail,
    )
    return environment


def _polyline(curve: Sequence[float]) -> str:
    """A curve from 0 to 1 as points of an SVG polyline, in a box of 100 by 60 with a margin."""
    step = 100 / max(1, len(curve) - 1)
    return " ".join(f"{place * step:.4g},{56 - 52 * value:.4g}" for place, value in enumerate(curve))
