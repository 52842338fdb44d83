"""What commands print: words and tables for people, JSON for programs, progress on stderr.

What cannot be written any more is no reason to stop the work. Nothing heavy is imported before something is printed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import IO, TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_UNLIMITED: Final = 10_000
"""Columns of an output that is no terminal: what a file or another program reads has one line per row."""


class Lenient:
    """A stream whose reader may go, or whose disk may fill.

    Attributes:
        lost: why something could not be written; None if all was.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self.lost: OSError | None = None

    def write(self, text: str) -> int:
        """Write what can be written."""
        try:
            self._stream.write(text)
        except OSError as error:
            self.lost = error
        return len(text)

    def flush(self) -> None:
        """Flush what can be flushed."""
        try:
            self._stream.flush()
        except OSError as error:
            self.lost = error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def progress_stream() -> IO[str]:
    """Stderr for progress: a terminal that is gone, which may be what ends a command, must not keep it from its end."""
    return cast("IO[str]", Lenient(sys.stderr))


def console() -> Console:
    """Standard output for people."""
    from rich.console import Console

    printed = Console(highlight=False, soft_wrap=True)
    if not printed.is_terminal:
        printed.width = _UNLIMITED
    return printed


def table(*titles: str) -> Table:
    """An empty table with these columns."""
    from rich import box
    from rich.table import Table

    empty = Table(box=box.SIMPLE, show_edge=False, pad_edge=False)
    for title in titles:
        empty.add_column(title, overflow="fold")
    return empty


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print one line per row."""
    from rich.markup import escape

    filled = table(*titles)
    for row in rows:
        filled.add_row(*map(escape, row))
    console().print(filled)


def print_json(content: object) -> None:
    """Print what another program reads, on stdout.

    Args:
        content: of dicts, lists, texts and numbers, or of models and dataclasses.
    """
    # A command that prints none does not wait for pydantic.
    from pydantic_core import to_jsonable_python

    sys.stdout.write(json.dumps(to_jsonable_python(content), indent=2) + "\n")
