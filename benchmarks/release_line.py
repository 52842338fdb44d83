"""The commands as a user waits for them: help, a whole run, a push."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.rows import Row
from edge_deployer.report.reading import read_report
from tests.edge_deployer.tiny_models import matrix_product

TINYOPS = Path(sys.executable).with_name("tinyops")
SHORT_COMMAND_REPEATS = 10
_LARGE, _LARGE_COMPRESSED = 301_000, 230_000


def seconds(command: Sequence[str | Path]) -> float:
    """Wall time of a command that must succeed."""
    began = time.perf_counter()
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
    return time.perf_counter() - began


def fastest(command: Sequence[str | Path]) -> float:
    """Least wall time of a short command: what noise cannot take away."""
    return min(seconds(command) for _ in range(SHORT_COMMAND_REPEATS))


def measure_help() -> list[Row]:
    """How long a user waits for help, against Python's own start."""
    shown, bare = fastest([TINYOPS, "--help"]), fastest([sys.executable, "-c", "pass"])
    figure = f"{shown:.2f} s, {shown / bare:.1f} times `python -c pass`"
    return [Row("help", figure, "0.4 s", "tinyops --help")]


def measure_line(workspace: Path) -> list[Row]:
    """The default project from nothing to production, again with nothing changed, and what came out."""
    run: list[str | Path] = [TINYOPS, "run", "--demo", "--workspace", workspace, "--json"]
    first, again = seconds(run), seconds(run)
    outcome = json.loads(subprocess.run([str(part) for part in run], check=True, capture_output=True).stdout)
    report = read_report(Path(outcome["report"]).with_suffix(".json"))
    validation, evaluation = report.validation, report.evaluation
    assert validation is not None
    assert evaluation is not None
    accuracy = f"{evaluation.figures['accuracy']:.4f} of {evaluation.examples} held-out digits"
    return [
        Row("data to production boards", f"{first:.0f} s", "75 s", "tinyops run"),
        Row("again, nothing changed", f"{again:.0f} s, {again / first:.2f} of the first", "15 s", "tinyops run"),
        Row("int8 accuracy", accuracy, "at least 0.975", "tinyops run"),
        Row("model", f"{validation.model_bytes:,} bytes", "8,000 bytes", "tinyops run"),
        Row("arena", f"{validation.arena_bytes:,} bytes", "4,000 bytes", "tinyops run"),
        *measure_push(next((workspace / "artifacts").glob("*/TFLiteConverter/*/*/Format-Serving/tflite")), first),
    ]


def measure_push(model: Path, run_seconds: float) -> list[Row]:
    """The digits' model, pushed as a stranger's."""
    with tempfile.TemporaryDirectory() as folder:
        stranger = Path(folder) / "digits.tflite"
        shutil.copyfile(model, stranger)
        took = seconds([TINYOPS, "push", stranger, "--workspace", folder])
    return [Row("push of a finished model", f"{took:.0f} s, {took / run_seconds:.2f} of a run", "", "tinyops push")]


def measure_large_push() -> list[Row]:
    """A model with the size, the inputs and the compressibility of person_detect, to the shipped boards."""
    model = matrix_product(1, 96 * 96, 2)
    noise = random.Random(0).randbytes(_LARGE_COMPRESSED)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.tflite"
        path.write_bytes((model + noise).ljust(_LARGE, b"\0"))
        took = seconds([TINYOPS, "push", path, "--workspace", folder])
    what = f"push of {_LARGE:,} bytes with inputs of 9,216 to the shipped boards, at 115,200 baud"
    return [Row(what, f"{took:.0f} s", "150 s", "make bench")]
