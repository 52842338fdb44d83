"""The table of measurements, and one line of it."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: what was measured.
        figure: what came out.
        goal: what was asked for.
        command: what was measured with.
    """

    what: str
    figure: str
    goal: str
    command: str


def table(rows: Sequence[Row], command: str = "make bench") -> str:
    """The rows as Markdown, with what they were measured on."""
    lines = [
        "# Measurements",
        "",
        f"Written by `{command}` on {os.cpu_count()} cores, Python {platform.python_version()}. Durations are of one "
        "run on a noisy machine: the ratios hold longer than the seconds.",
        "",
        "| what | measured | goal | command |",
        "|---|---|---|---|",
        *(f"| {row.what} | {row.figure} | {row.goal} | `{row.command}` |" for row in rows),
    ]
    return "\n".join(lines) + "\n"
