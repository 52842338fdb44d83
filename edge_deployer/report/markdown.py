"""The report in short, as GitHub-flavoured Markdown: what Kubeflow's page shows beside a run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from edge_deployer.boards.record import BoardRecord
from edge_deployer.release.data_findings import GateResult
from edge_deployer.release.difference import ReleaseDifference
from edge_deployer.report import formats
from edge_deployer.report.acceptance_view import (
    board_facts,
    board_state,
    check_rows,
    gate_in_words,
    staging_facts,
    why_quarantined,
)
from edge_deployer.report.change_view import change_rows
from edge_deployer.report.data_view import data_warnings, gate_rows
from edge_deployer.report.facts import DataFacts, Report
from edge_deployer.report.glossary import words_in
from edge_deployer.report.views import consequence
from edge_deployer.report.words import front_end_in_words, headline, remedy, staging_in_words, verdict_in_words
from edge_deployer.rollout.deployment import Deployment

_MARKS = {"passed": "✓", "failed": "✗", "warns": "!", "undecided": "?", "skipped": "-"}
_BREAKS = re.compile(r"[ \t\r\n\v\f\x85\u2028\u2029]+")
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~&#])")


def render_markdown(report: Report) -> str:
    """Verdict, remedy, staging, boards and checks: a pure function of the report. No HTML is in it."""
    deployment = report.deployment
    blocks = [*_verdict(report), *_staging(deployment)]
    if deployment.boards:
        blocks += ["## Boards", _boards(deployment)]
    blocks += [block for board in deployment.boards for block in _checks(board)]
    blocks += _change(deployment.change) if deployment.change else []
    blocks += _data(report.data, report.data_gates) if report.data else []
    words = words_in("\n".join(blocks))
    if words:
        blocks += ["## Words", "\n".join(f"- **{word}**: {_text(meaning)}" for word, meaning in words.items())]
    return "\n\n".join(blocks) + "\n"


def _verdict(report: Report) -> list[str]:
    deployment = report.deployment
    run = f", run {_text(report.run_id)}" if report.run_id else ""
    blocks = [
        f"# {gate_in_words(deployment)}: {_text(report.title)}",
        f"**{_text(headline(deployment))}**",
        f"{formats.utc(deployment.finished)}{run}",
    ]
    front_end = deployment.release.manifest.front_end if deployment.release else None
    if front_end is not None:
        blocks.append(f"- Features: {_text(front_end_in_words(front_end))}")
    if not deployment.pushed:
        blocks.append(
            f"- Boards: {_text(consequence(report))}\n- Remedy: {_text(remedy(deployment) or 'none is known')}"
        )
    return blocks


def _staging(deployment: Deployment) -> list[str]:
    verdict = deployment.staging
    if verdict is None:
        return []
    facts = [f"- {_text(name).capitalize()}: {_text(figure)}" for name, figure in staging_facts(deployment)]
    found = staging_in_words(deployment)
    why = "" if found in headline(deployment) else f" {_text(found)}"
    return ["## What staging says", f"**{verdict.decision.capitalize()}.**{why}", "\n".join(facts)]


def _change(found: ReleaseDifference) -> list[str]:
    """Files and packages are counted; the page names them."""
    model = "another" if found.model_changed else "the same"
    told = f"Against {found.against.release_id}, which production ran before. The model is {model}."
    lines = [
        f"- {_text(row.name).capitalize()}: {_text(row.before)} → {_text(row.after)}"
        + (f" ({_text(row.change)})" if row.change else "")
        for row in change_rows(found)
    ]
    counted = f"- Files: {len(found.files)}\n- Packages: {len(found.packages)}"
    return ["## What it changes", _text(told), "\n".join([*lines, counted])]


def _data(data: DataFacts, gates: Sequence[GateResult]) -> list[str]:
    """Samples of each class, what is odd about them, and what the gates found."""
    blocks = []
    if data.class_names and data.class_counts:
        rows = [
            (name, *(formats.grouped(counts[index]) for counts in data.class_counts.values()))
            for index, name in enumerate(data.class_names)
        ]
        blocks.append(_table(("Class", *data.class_counts), rows))
    blocks += [f"- Warning: {_text(warning)}" for warning in data_warnings(data)]
    lines = [f"- {_MARKS[row.state]} {row.name}: {_text(row.told)}" for row in gate_rows(gates)]
    blocks += ["\n".join(lines)] if lines else []
    return ["## Data", *blocks] if blocks else []


def _boards(deployment: Deployment) -> str:
    rows = [
        (
            board.name,
            f"{board.pool}{', spare' if board.spare else ''}",
            f"{board.profile}, {'virtual' if board.virtual else 'real'}",
            board_state(board, deployment),
            board.outcome,
            "unknown" if board.outcome == "not restored" else formats.short_hash(board.image_after),
            why_quarantined(board, deployment) or verdict_in_words(board),
        )
        for board in deployment.boards
    ]
    return _table(("Board", "Pool", "Profile", "Verdict", "Outcome", "Image", "Why"), rows)


def _checks(board: BoardRecord) -> list[str]:
    rows = check_rows(board)
    if not rows:
        return []
    table = _table(
        ("State", "Check", "Measured", "Allowed", "Bound", "Samples", "Finding"),
        [
            (f"{_MARKS[row.state]} {row.state}", row.name, row.measured, row.limit, row.bound, row.samples, row.finding)
            for row in rows
        ],
    )
    facts = [f"- {_text(name).capitalize()}: {_text(figure)}" for name, figure in board_facts(board)]
    return [f"### {_text(board.name)}", table, *(["\n".join(facts)] if facts else [])]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *([_text(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _text(text: str) -> str:
    """Text that Markdown shows as it stands, in one line."""
    return _SPECIAL.sub(r"\\\1", _BREAKS.sub(" ", text))
