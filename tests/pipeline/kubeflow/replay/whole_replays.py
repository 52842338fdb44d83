"""Whole replays of the default project by one release of the back end."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.kubeflow.replay.back_ends import BACK_ENDS, NEWEST

OLDEST, *BETWEEN = (release for release in BACK_ENDS if release != NEWEST.release)
"""The newest takes the project to boards behind a gateway."""

TakeToBoards = Callable[[str], None]
"""Replays the project by the back end of a release, to virtual boards, and sees that it is promoted."""
