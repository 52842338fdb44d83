"""Where reports are kept: a numbered folder each, with three files of fixed names."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from edge_deployer.files import make_folder, writing

REPORT_HTML: Final = "report.html"
REPORT_JSON: Final = "report.json"
REPORT_MARKDOWN: Final = "report.md"


def new_report_folder(workspace: Path) -> Path:
    """Make ``<workspace>/reports/<n>`` with the next free number.

    Raises:
        TinyopsError: the folder of reports cannot be made.
    """
    root = workspace / "reports"
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
