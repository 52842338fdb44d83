"""The process that looks at the untrained network: orders on stdin, lines on stdout.

Whatever TensorFlow and the user's module print goes to stderr.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from edge_deployer.errors import TinyopsError
from pipeline.local.checking.line import Line
from pipeline.project.heavy_imports import heavy_imports

if TYPE_CHECKING:
    from pipeline.local.checking.examination import Examination


def main() -> int:
    """Tell what there is to tell; returns the exit status."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with heavy_imports():
        from pipeline.local.checking.examination import Examination
    orders = sys.stdin.readline()
    if not orders:
        return 0
    examination = Examination(json.loads(orders))
    sys.excepthook = _telling_hook(answers, examination)
    try:
        for line in examination.lines():
            answers.write(line.model_dump_json() + "\n")
    except TinyopsError as error:
        answers.write(Line.failed(examination.stage, error).model_dump_json() + "\n")
    return 0


def _telling_hook(
    answers: TextIO, examination: Examination
) -> Callable[[type[BaseException], BaseException, TracebackType | None], None]:
    """A hook that tells of an error of the user's code as a line."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        first_line = (str(error).strip().splitlines() or [""])[0]
        frames = [frame for frame in traceback.extract_tb(trace) if Path(frame.filename).parent == examination.folder]
        where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}: " if frames else ""
        told = f"{where}{kind.__name__}: {first_line}"
        line = Line(name=examination.stage, state="failed", told=told, remedy="correct the module")
        answers.write(line.model_dump_json() + "\n")

    return hook


if __name__ == "__main__":
    sys.exit(main())
