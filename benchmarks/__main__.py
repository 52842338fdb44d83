"""Measures everything and writes `benchmarks/RESULTS.md`.

Machines differ and are noisy, so a duration is compared with another of the same run, not with one of last week.
"""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.acceptance import measure_acceptance
from benchmarks.example_gen import measure_example_gen
from benchmarks.kubeflow import measure_kubeflow
from benchmarks.release_line import measure_help, measure_line
from benchmarks.rows import Row
from benchmarks.serial_line import measure_serial_line

RESULTS = Path(__file__).with_name("RESULTS.md")


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown, with what they were measured on."""
    lines = [
        "# Measurements",
        "",
        f"Written by `make bench` on {os.cpu_count()} cores, Python {platform.python_version()}. Durations are of one "
        "run on a noisy machine: the ratios hold longer than the seconds.",
        "",
        "| what | measured | goal | command |",
        "|---|---|---|---|",
        *(f"| {row.what} | {row.figure} | {row.goal} | `{row.command}` |" for row in rows),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure everything and write the table."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            *measure_help(),
            *measure_line(Path(folder) / "release"),
            *measure_example_gen(Path(folder) / "examples"),
            *measure_kubeflow(Path(folder) / "kubeflow"),
            *measure_serial_line(Path(folder) / "line"),
            *measure_acceptance(Path(folder) / "acceptance"),
        ]
    text = table(rows)
    RESULTS.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
