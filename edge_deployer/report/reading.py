"""Finds and reads reports that were written before."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel

from edge_deployer.errors import TinyopsError
from edge_deployer.files import read_record, reading
from edge_deployer.report.facts import SCHEMA_VERSION, Report
from edge_deployer.report.folders import REPORT_HTML, REPORT_JSON, REPORT_MARKDOWN, report_files


class _Version(BaseModel):
    """What a report of any version says of itself."""

    schema_version: int = 1


def find_report(named: Path | None, workspace: Path) -> Path:
    """The JSON file of a report.

    Args:
        named: its folder, or one of the files in it; None for the newest report in the workspace.
        workspace: where to look.

    Raises:
        TinyopsError: there is none.
    """
    if named is None:
        return _newest(workspace)
    with reading(f"report {named}"):
        if named.is_dir():
            named = named / REPORT_JSON
        elif named.name in (REPORT_HTML, REPORT_MARKDOWN):
            named = named.with_name(REPORT_JSON)
        is_there = named.is_file()
    if not is_there:
        raise TinyopsError(
            f"there is no report {named}",
            remedy=f"name a folder with a {REPORT_JSON}, or the file; without a name it is the newest in --workspace",
        )
    return named


def read_reports(workspace: Path) -> tuple[list[tuple[Path, Report]], list[TinyopsError]]:
    """All reports of a workspace, the newest first, and what is wrong with those that cannot be read."""
    tried = [(path, _read_or_error(path)) for path in report_files(workspace)]
    found = [(path, report) for path, report in tried if isinstance(report, Report)]
    found.sort(key=lambda each: each[1].deployment.finished, reverse=True)
    return found, [error for _, error in tried if isinstance(error, TinyopsError)]


def _read_or_error(path: Path) -> Report | TinyopsError:
    try:
        return read_report(path)
    except TinyopsError as error:
        return error


def read_report(path: Path) -> Report:
    """Read a `report.json`.

    Raises:
        TinyopsError: it cannot be read, is not a report, or is one of a newer version.
    """
    remedy = "name another report, or make it again with `tinyops push` or `tinyops run`"
    version = read_record(_Version, path, f"report {path}", remedy=remedy).schema_version
    if version > SCHEMA_VERSION:
        raise TinyopsError(
            f"report {path} has schema version {version}, which a newer tinyops has written; this one reads "
            f"{SCHEMA_VERSION} and older",
            remedy="read it with that version",
        )
    return read_record(Report, path, f"report {path}", remedy=remedy)


def _newest(workspace: Path) -> Path:
    with reading(f"workspace {workspace}"):
        found = [(path.stat().st_mtime_ns, path) for path in report_files(workspace)]
    if not found:
        raise TinyopsError(
            f"there is no report in workspace {workspace}",
            remedy="name the workspace with --workspace, or a report; `tinyops push` and `tinyops run` write them",
        )
    return max(found)[1]


def report_schema() -> str:
    """The schema, draft 2020-12, as JSON text."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Report.model_json_schema(mode="serialization"),
    }
    return json.dumps(schema, indent=2) + "\n"
