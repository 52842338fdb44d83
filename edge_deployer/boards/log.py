"""What happened to a board: a file of JSON lines in the workspace, and what deployments recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel

from edge_deployer.boards.bench import Bench
from edge_deployer.boards.journal import Watcher
from edge_deployer.boards.record import Step
from edge_deployer.files import checking, exists, make_folder, read_file, read_record, reading
from edge_deployer.inventory.inventory import BoardEntry
from edge_deployer.paperwork import paperwork
from edge_deployer.release.store import ReleaseStore

_REMEDY = "move the file out of the workspace"


class BoardLog:
    """Writes each step to its board's file and passes it on. A file that cannot be written is a warning, once.

    Args:
        workspace: the file is ``<workspace>/log/<board>.jsonl``.
        watcher: sees the same steps.
    """

    def __init__(self, workspace: Path, watcher: Watcher | None = None) -> None:
        self._workspace, self._watcher = workspace, watcher
        self._is_lost = False

    def on_step(self, step: Step) -> None:
        """Append the step."""
        if not self._is_lost:
            self._append(step)
        if self._watcher:
            self._watcher.on_step(step)

    def on_progress(self, board: str, action: str, done: int, total: int) -> None:
        """Progress is not kept."""
        if self._watcher:
            self._watcher.on_progress(board, action, done, total)

    def _append(self, step: Step) -> None:
        path, self._is_lost = _log_file(self._workspace, step.board), True
        with paperwork(f"the log {path}"):
            make_folder(path.parent)
            with path.open("a", encoding="utf-8") as file:
                file.write(step.model_dump_json() + "\n")
            self._is_lost = False


def recorded_steps(workspace: Path, board: str, reports: Iterable[Path] = ()) -> list[Step]:
    """All steps of a board that the workspace knows of, oldest first, each once.

    Raises:
        TinyopsError: a record is damaged.
    """
    found = [*_own_steps(workspace, board), *_deployment_steps(workspace, board, reports)]
    steps = {(step.at, step.action, step.detail): step for step in found}
    return [steps[key] for key in sorted(steps)]


def firmware_log(bench: Bench, entry: BoardEntry) -> Path | None:
    """The log of a virtual board's own firmware, if the board is virtual and was ever powered."""
    path = bench.folder(entry) / "board.log"
    return path if entry.virtual and path.exists() else None


def _log_file(workspace: Path, board: str) -> Path:
    return workspace / "log" / f"{board}.jsonl"


class _Record(BaseModel):
    """The parts of a promotion's record, or of a report that has it as its deployment, that are of interest here."""

    steps: tuple[Step, ...] = ()
    deployment: _Record | None = None


def _own_steps(workspace: Path, board: str) -> Iterator[Step]:
    path = _log_file(workspace, board)
    if not exists(path, f"log {path}"):
        return
    lines = read_file(path, f"log {path}").decode(errors="replace").splitlines()
    with checking(f"log {path}", remedy=_REMEDY):
        yield from [Step.model_validate_json(line) for line in lines]


def _deployment_steps(workspace: Path, board: str, reports: Iterable[Path]) -> Iterator[Step]:
    """Steps from the record of each promotion and from each report, of `tinyops run` too."""
    with reading(f"workspace {workspace}"):
        records = [*reports, *ReleaseStore(workspace / "releases").promotion_records()]
    for path in records:
        record = read_record(_Record, path, f"record {path}", remedy=_REMEDY)
        yield from (step for step in (record.deployment or record).steps if step.board == board)
