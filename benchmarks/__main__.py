"""Measures everything and writes `benchmarks/RESULTS.md`.

Machines differ and are noisy, so a duration is compared with another of the same run, not with one of last week.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.acceptance import measure_acceptance
from benchmarks.example_gen import measure_example_gen
from benchmarks.fleet import measure_fleet
from benchmarks.kubeflow import measure_kubeflow
from benchmarks.release_line import measure_help, measure_large_push, measure_line
from benchmarks.rollout import measure_rollout
from benchmarks.rows import table
from benchmarks.serial_line import measure_serial_line

RESULTS = Path(__file__).with_name("RESULTS.md")


def main() -> None:
    """Measure everything and write the table."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            *measure_help(),
            *measure_line(Path(folder) / "release"),
            *measure_large_push(),
            *measure_example_gen(Path(folder) / "examples"),
            *measure_kubeflow(Path(folder) / "kubeflow"),
            *measure_fleet(Path(folder) / "fleet"),
            *measure_serial_line(Path(folder) / "line"),
            *measure_acceptance(Path(folder) / "acceptance"),
            *measure_rollout(Path(folder) / "rollout"),
        ]
    text = table(rows)
    RESULTS.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
