"""Finds the sub-commands that this install has, and turns errors into messages and exit statuses.

A sub-command is an entry point of the group ``tinyops.commands``: a function that typer can make a command of, or a
typer application with commands of its own. Its module imports nothing heavy at the top, because ``tinyops --help``
imports every one of them for its summary.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from contextlib import redirect_stdout, suppress
from functools import cache
from importlib.metadata import EntryPoint, entry_points, version
from importlib.util import find_spec
from typing import IO, Annotated, Any, Final, cast

import typer
from typer.core import TyperGroup

from edge_deployer.cli.exit_status import EXIT_ERROR, EXIT_REFUSED
from edge_deployer.cli.output import Lenient, print_json
from edge_deployer.ending import Ended, listen_no_more, listening
from edge_deployer.errors import Refused, TinyopsError
from edge_deployer.signing_secret import take_from_environment

_DISTRIBUTION: Final = "tinyml-ops"
_GROUP = "tinyops.commands"
_PROOF_OF_EXTRA = {"pipeline": "tfx"}
"""A module that is there when an extra is installed; its name alone is looked up, nothing is imported."""
_UNSEEN: Final = logging.NullHandler()


@cache
def commands() -> dict[str, EntryPoint]:
    """All sub-commands by name, those too whose extra is not installed."""
    return {point.name: point for point in entry_points(group=_GROUP)}


class _InstalledCommands(TyperGroup):
    """The group of all sub-commands whose extra is installed."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return sorted(name for name, point in commands().items() if not _missing_extra(point))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        point = commands().get(cmd_name)
        if point is None:
            return None
        extra = _missing_extra(point)
        if extra:
            raise TinyopsError(
                f"`tinyops {cmd_name}` needs the {extra} extra, which is not installed here",
                remedy=f"in a checkout of tinyops, with Python 3.10 or 3.13: pip install '.[{extra}]'",
            )
        loaded = point.load()
        if isinstance(loaded, typer.Typer):
            return typer.main.get_command(loaded)
        command = typer.Typer(add_completion=False, rich_markup_mode=None)
        command.command(cmd_name)(loaded)
        return typer.main.get_command(command)


def _missing_extra(point: EntryPoint) -> str | None:
    return next((extra for extra in point.extras if not find_spec(_PROOF_OF_EXTRA[extra])), None)


# Plain help: rich's would take longer to import than all the rest together.
app = typer.Typer(cls=_InstalledCommands, no_args_is_help=True, rich_markup_mode=None)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"tinyops {version(_DISTRIBUTION)}")
        raise typer.Exit


@app.callback()
def tinyops(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """A release line for microcontrollers: train, convert, evaluate, try on a staging bench, promote to production.

    Exit status: 0 promoted (or nothing to change), 1 an error, 2 wrong usage, 3 the release was refused or there
    was no verdict, 128 and the signal's number if a signal stopped it: 130 for Ctrl-C, 143 for SIGTERM.

    With --json, an error is JSON on stdout, too: its message and its remedy in `error`.
    """


def main() -> None:
    """Run the command line; say in words, or in JSON if that is wanted, what a user can mend and what stopped it."""
    take_from_environment()
    _quieten_libraries()
    printed = Lenient(sys.stdout)
    with redirect_stdout(cast("IO[str]", printed)), listening():
        status = _status()
        printed.flush()
    if printed.lost is not None:
        _say(f"error: standard output cannot be written: {printed.lost.strerror}")
        _say(f"  remedy: print to somewhere else; what the command did stands, with exit status {status}")
        _write_no_more(sys.stdout)
    try:
        sys.stderr.flush()
    except OSError:
        _write_no_more(sys.stderr)
    sys.exit(status or (EXIT_ERROR if printed.lost else 0))


def _quieten_libraries() -> None:
    """What they warn of is for programmers, who ask for it with PYTHONWARNINGS."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    # Where nobody handles it, Python writes what is logged as a warning to stderr.
    logging.getLogger().addHandler(_UNSEEN)


def _write_no_more(stream: IO[str]) -> None:
    """Python flushes once more when it ends, and has an exit status of its own, 120, where it cannot."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _status() -> int:
    """The command's exit status."""
    try:
        app()
    except TinyopsError as error:
        _say(f"error: {error.message}", fg="red")
        if error.remedy:
            _say(f"  remedy: {error.remedy}")
        _say_as_json("error", error.message, error.remedy)
        return EXIT_REFUSED if isinstance(error, Refused) else EXIT_ERROR
    except Ended as ended:
        listen_no_more()
        _say(str(ended))
        _say_as_json("stopped", str(ended), None)
        return ended.status
    except SystemExit as done:
        # Wrong usage has been told on stderr.
        wrong_usage = getattr(done.__context__, "format_message", None)
        if wrong_usage is not None:
            _say_as_json("error", wrong_usage(), "see --help")
        return done.code if isinstance(done.code, int) else 0
    return 0


def _say(line: str, **style: Any) -> None:
    # Where the terminal is gone, which may be what ended the command, there is nobody to tell.
    with suppress(OSError):
        typer.secho(line, err=True, **style)


def _say_as_json(outcome: str, message: str, remedy: str | None) -> None:
    """What a command that prints JSON prints in its outcome's place."""
    arguments = sys.argv[1:]
    if "--json" in arguments[: arguments.index("--") if "--" in arguments else None]:
        print_json({"outcome": outcome, "error": {"message": message, "remedy": remedy}})
