"""One line of the table of measurements."""

from __future__ import annotations

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
