"""The journal: what is intended and every step that is taken, in order, told to whoever watches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Literal, Protocol

from edge_deployer.boards.record import Step
from edge_deployer.finding import Finding
from edge_deployer.session import SlotState

Intention = Literal["load", "put on trial", "boot", "confirm", "take back"]


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


class Keeper(Protocol):
    """Keeps what a journal is told, so that whoever comes next can go on."""

    def write(self, kind: str, body: dict[str, Any], board: str = "") -> None:
        """It is kept for good when this returns."""


class Journal:
    """Intents and steps of one deployment, or of one command.

    Args:
        watcher: is told of steps and progress.
        keeper: keeps intents, what came of them, and steps.

    Attributes:
        intents: those that no keeper has.
        steps: the same.
    """

    def __init__(self, watcher: Watcher | None = None, keeper: Keeper | None = None) -> None:
        self.intents: list[Intent] = []
        self.steps: list[Step] = []
        self._watcher, self._keeper = watcher, keeper

    def intend(self, intent: Intent) -> None:
        """Write down what is about to be done; the board is changed only after that.

        Raises:
            TinyopsError: it cannot be kept: the board must not be changed.
        """
        image = intent.image_hash.hex() if intent.image_hash else None
        self._keep("intent", intent.board, {"action": intent.action, "image": image, "before": _slots(intent.before)})
        if self._keeper is None:
            self.intents.append(intent)

    def settle(self, intent: Intent, after: Sequence[SlotState]) -> None:
        """Write down what came of it: what the board says that it has now.

        Raises:
            TinyopsError: it cannot be kept.
        """
        self._keep("done", intent.board, {"action": intent.action, "after": _slots(after)})

    def note(self, board: str, action: str, detail: str = "", finding: Finding | None = None) -> None:
        """Write down a step.

        Raises:
            TinyopsError: it cannot be kept.
        """
        step = Step(at=datetime.now(timezone.utc), board=board, action=action, detail=detail, finding=finding)
        self._keep("step", board, step.model_dump(mode="json"))
        if self._keeper is None:
            self.steps.append(step)
        if self._watcher:
            self._watcher.on_step(step)

    def progress(self, board: str, action: str, done: int, total: int) -> None:
        """Tell the watcher; progress is not a step."""
        if self._watcher:
            self._watcher.on_progress(board, action, done, total)

    def _keep(self, kind: str, board: str, body: dict[str, Any]) -> None:
        if self._keeper:
            self._keeper.write(kind, body, board)


def _slots(slots: Sequence[SlotState]) -> list[dict[str, Any]]:
    return [vars(slot) | {"hash": slot.hash.hex()} for slot in slots]
