"""The progress of a run on the terminal: one row per component, or plain lines where there is no terminal."""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from pipeline.local.events import Event, Failed, Finished, Launched, Planned, Progressed, Started, Warned

_LOADING = "loading TensorFlow and TFX"


@dataclass
class Row:
    """One component."""

    component: str
    state: str = "waiting"  # ``waiting``, ``running``, ``done``, ``cached`` or ``failed``.
    started: float = 0.0
    seconds: float | None = None  # How long it ran; while it runs, None.
    outcome: str = ""  # What came out, or what it is doing.


_MARKS = {
    "waiting": Text("·", style="dim"),
    "done": Text("✓", style="green"),
    "cached": Text("=", style="cyan"),
    "failed": Text("✗", style="red"),
}


class RunDisplay:
    """Follows events. Use as a context manager.

    Args:
        console: where to show.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self._loading: float | None = None
        self.rows: dict[str, Row] = {}
        self._spinner = Spinner("dots", style="yellow")
        self._live = Live(get_renderable=self._table, console=console, refresh_per_second=8)

    def __enter__(self) -> RunDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._fail()
        self._live.stop()

    def on_event(self, event: Event) -> None:
        """Change the row that the event is about."""
        now = time.monotonic()
        if isinstance(event, Launched):
            self._began = now
            self._say(_LOADING)
            if self._console.is_terminal:
                self._live.start()
        elif isinstance(event, Warned):
            self._console.print(f"[yellow]warning:[/] {escape(event.message)}", highlight=False, soft_wrap=True)
        elif isinstance(event, Planned):
            self._loading = now - self._began
            self.rows = {name: Row(name) for name in event.components}
        elif isinstance(event, Started):
            row = self.rows[event.component]
            row.state, row.started = "running", now
        elif isinstance(event, Progressed):
            self.rows[event.component].outcome = event.activity
            self._say(f"  {event.component}: {event.activity}")
        elif isinstance(event, Warned):
            self._console.print(event.message, style="yellow", markup=False, highlight=False, soft_wrap=True)
        elif isinstance(event, Finished):
            row = self.rows[event.component]
            row.state = "cached" if event.cached else "done"
            row.seconds, row.outcome = now - row.started, event.outcome
            self._say(_line(row))
        elif isinstance(event, Failed):
            self._fail()

    def _fail(self) -> None:
        for row in self.rows.values():
            if row.state == "running":
                row.state, row.seconds = "failed", time.monotonic() - row.started

    def _say(self, line: str) -> None:
        """Print a line, where there is no table to show it in."""
        if not self._console.is_terminal:
            self._console.print(escape(line), highlight=False, soft_wrap=True)

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        table.add_column(width=1)
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(overflow="fold")
        mark = self._spinner if self._loading is None else _MARKS["done"]
        loading = time.monotonic() - self._began if self._loading is None else self._loading
        table.add_row(mark, "imports", f"{loading:.1f} s", Text(_LOADING, style="dim"))
        for row in self.rows.values():
            table.add_row(*self._cells(row))
        return table

    def _cells(self, row: Row) -> tuple[Spinner | Text, Text, str, Text]:
        running = row.state == "running"
        seconds = time.monotonic() - row.started if running else row.seconds
        return (
            self._spinner if running else _MARKS[row.state],
            Text(row.component, style="dim" if row.state == "waiting" else ""),
            "" if seconds is None else "cached" if row.state == "cached" else f"{seconds:.1f} s",
            Text(row.outcome, style="yellow" if running else ""),
        )


def _line(row: Row) -> str:
    took = "cached" if row.state == "cached" else f"{row.seconds or 0:.1f} s"
    return f"{row.component:<20} {took:>8}  {row.outcome}"
