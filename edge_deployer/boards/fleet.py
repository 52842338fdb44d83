"""What the boards of a deployment run, in a sentence that is made of what each of them answered last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from edge_deployer.boards.record import BoardRecord


def what_boards_run(boards: Iterable[BoardRecord], releases: Mapping[str, str]) -> str:
    """The boards by what they run, in the order of the inventory; empty where it is not on record.

    Args:
        boards: their records.
        releases: ids of the workspace's releases, by the hex hash of their image.
    """
    said: dict[tuple[str, str], list[str]] = {}
    for board in boards:
        if board.answer is not None:
            said.setdefault(_said(board, releases), []).append(board.name)
    return "; ".join(f"{_together(names)} {one if len(names) == 1 else many}" for (one, many), names in said.items())


def _said(board: BoardRecord, releases: Mapping[str, str]) -> tuple[str, str]:
    """The rest of the sentence, for one board and for several."""
    if board.answer == "not asked":
        return "was not asked", "were not asked"
    if board.answer == "silent":
        return "does not answer", "do not answer"
    if board.image_after is None:
        return "has no confirmed image", "have no confirmed image"
    known = releases.get(board.image_after)
    image = f"release {known}" if known else f"image {board.image_after[:8]}, of no release in this workspace"
    return f"runs {image}", f"run {image}"


def _together(names: list[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
