"""The journal: every step of a deployment in order, told to whoever watches."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Protocol

from edge_deployer.boards.record import Step


class Watcher(Protocol):
    """Someone who follows a deployment while it runs."""

    def on_step(self, step: Step) -> None:
        """A step was taken."""

    def on_progress(self, board: str, action: str, done: int, total: int) -> None:
        """A long step of a board has come this far."""


class Journal:
    """Steps of one deployment.

    Attributes:
        steps: in the order they were taken.
    """

    def __init__(self, watcher: Watcher | None = None) -> None:
        self.steps: list[Step] = []
        self._watcher = watcher

    def note(self, board: str, action: str, detail: str) -> None:
        """Write down a step."""
        step = Step(at=datetime.now(timezone.utc), board=board, action=action, detail=detail)
        self.steps.append(step)
        if self._watcher:
            self._watcher.on_step(step)

    def progress(self, board: str, action: str, done: int, total: int) -> None:
        """Tell the watcher; progress is not a step."""
        if self._watcher:
            self._watcher.on_progress(board, action, done, total)
