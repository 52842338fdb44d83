"""Shows on the terminal what is done to boards, while it is done."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from edge_deployer.boards.journal import Watcher
from edge_deployer.boards.record import Step
from edge_deployer.cli.output import progress_stream
from edge_deployer.ending import Result, run_to_end
from edge_deployer.report.words import step_in_words


class BoardProgress:
    """One line per board, with its latest step and a bar while something uploads; plain lines without a terminal."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(file=progress_stream(), quiet=quiet)
        self._live = self._console.is_terminal and not quiet
        self._progress = Progress(
            TextColumn("{task.fields[board]}"),
            BarColumn(bar_width=20),
            TextColumn("{task.description}"),
            console=self._console,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> BoardProgress:
        if self._live:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._progress.stop()

    def on_step(self, step: Step) -> None:
        """Show the step in its board's line."""
        text = escape(step_in_words(step))
        if self._live:
            self._progress.update(self._task(step.board), description=text)
        else:
            self._console.print(f"{step.board:>14}  {text}", highlight=False)

    def on_progress(self, board: str, action: str, done: int, total: int) -> None:
        """Move the board's bar."""
        if self._live:
            self._progress.update(self._task(board), completed=done, total=total, description=escape(action))

    def _task(self, board: str) -> TaskID:
        if board not in self._tasks:
            self._tasks[board] = self._progress.add_task("", board=f"{board:>14}", total=None)
        return self._tasks[board]


def run_shown(work: Callable[[Watcher], Coroutine[None, None, Result]], *, quiet: bool) -> Result:
    """Do something to boards and show it; a signal ends it in order, see `run_to_end`."""
    with BoardProgress(quiet=quiet) as progress:
        return run_to_end(work(progress))
