"""Reads rollouts from the trail, without a board or an inventory."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Final

from edge_deployer.boards.record import Step
from edge_deployer.boards.trail import Trail
from edge_deployer.cli.progress import BoardProgress
from edge_deployer.files import require_plain_path
from edge_deployer.rollout.record import Progress, find_rollout, rollouts

_POLL_S: Final = 0.3


def all_rollouts(workspace: Path) -> list[Progress]:
    """All rollouts of a workspace, in the order in which they began.

    Raises:
        TinyopsError: the trail cannot be read.
    """
    require_plain_path(workspace, "workspace")
    with closing(Trail(workspace / "fleet")) as trail:
        return rollouts(trail)


def known_rollout(workspace: Path, rollout: str | None) -> Progress:
    """A rollout by its id, or the last one.

    Raises:
        TinyopsError: there is no such rollout.
    """
    require_plain_path(workspace, "workspace")
    with closing(Trail(workspace / "fleet")) as trail:
        return find_rollout(trail, rollout)


def watch_rollout(workspace: Path, rollout: str | None, *, quiet: bool) -> None:
    """Show the steps of a rollout as others take them, until it ends, pauses or waits.

    Raises:
        TinyopsError: there is no such rollout.
    """
    progress = known_rollout(workspace, rollout)
    with closing(Trail(workspace / "fleet")) as trail, BoardProgress(quiet=quiet) as shown:
        while progress.state == "running":
            for entry in trail.entries(progress.plan.id, after=progress.seq):
                progress.take(entry)
                if entry.kind == "step":
                    shown.on_step(Step.model_validate(entry.content))
            if progress.state == "running":
                time.sleep(_POLL_S)
