"""Where reports are kept, whichever command made them: a numbered folder each, with files of fixed names."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from edge_deployer.files import make_folder, read_file, write_file, writing
from edge_deployer.paperwork import paperwork

REPORT_HTML: Final = "report.html"
REPORT_JSON: Final = "report.json"
REPORT_MARKDOWN: Final = "report.md"
REPORT_JUNIT: Final = "junit.xml"

_FOLDER: Final = "reports"


def new_report_folder(workspace: Path) -> Path:
    """Make ``<workspace>/reports/<n>`` with the next free number.

    Raises:
        TinyopsError: the folder of reports cannot be made.
    """
    root = workspace / _FOLDER
    make_folder(root)
    with writing(f"folder {root}", remedy="make it writable, or give another folder with --workspace"):
        number = max((int(folder.name) for folder in root.iterdir() if folder.name.isdecimal()), default=0)
        while True:
            number += 1
            folder = root / str(number)
            try:
                folder.mkdir()
            except FileExistsError:
                continue  # another command took this number in the meantime
            return folder


def keep_report(written: Path, workspace: Path) -> Path:
    """Copy a report that a pipeline's step wrote among its artifacts to where all reports are.

    If it cannot be kept there, that is a warning: what it reports of has happened all the same.

    Returns:
        The folder of the copy, or `written` if there is none.
    """
    with paperwork(f"the copy of the report {written}"):
        folder = new_report_folder(workspace)
        for name in (REPORT_HTML, REPORT_MARKDOWN, REPORT_JUNIT, REPORT_JSON):
            write_file(folder / name, read_file(written / name, f"report {written / name}"))
        return folder
    return written


def report_files(workspace: Path) -> list[Path]:
    """The JSON file of each report in a workspace, and in those that other commands keep inside it."""
    return sorted(workspace.rglob(f"{_FOLDER}/*/{REPORT_JSON}"))
