"""The journal: what is intended and every step that is taken, in order, told to whoever watches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Literal, Protocol

from edge_deployer.boards.record import Step
from edge_deployer.finding import Finding
from edge_deployer.session import SlotState

Intention = Literal["put on trial", "boot", "confirm", "take back"]


@dataclass(frozen=True)
class Intent:
    """What is about to be done to a board, with all that is needed to finish it or to take it back."""

    board: str  # Its name.
    action: Intention  # What is to be done.
    image_hash: bytes | None  # The image that it is done with; None for whatever is on trial.
    before: tuple[SlotState, ...]  # What was in the board's slots.


class Watcher(Protocol):
    """Someone who follows a deployment while it runs."""

    def on_step(self, step: Step) -> None:
        """A step was taken."""

    def on_progress(self, board: str, action: str, done: int, total: int) -> None:
        """A long step of a board has come this far."""


class Journal:
    """Intents and steps of one deployment, or of one command."""

    def __init__(self, watcher: Watcher | None = None) -> None:
        self.intents: list[Intent] = []
        self.steps: list[Step] = []
        self._watcher = watcher

    def intend(self, intent: Intent) -> None:
        """Write down what is about to be done; the board is changed only after that."""
        self.intents.append(intent)

    def note(self, board: str, action: str, detail: str = "", finding: Finding | None = None) -> None:
        """Write down a step."""
        step = Step(at=datetime.now(timezone.utc), board=board, action=action, detail=detail, finding=finding)
        self.steps.append(step)
        if self._watcher:
            self._watcher.on_step(step)

    def progress(self, board: str, action: str, done: int, total: int) -> None:
        """Tell the watcher; progress is not a step."""
        if self._watcher:
            self._watcher.on_progress(board, action, done, total)
