"""Finds the sub-commands that this install has, and turns errors into messages and exit statuses.

A sub-command is an entry point of the group ``tinyops.commands``: a function that typer can make a command of, or a
typer application with commands of its own. Its module imports nothing heavy at the top, because ``tinyops --help``
imports every one of them for its summary.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib.metadata import EntryPoint, entry_points, version
from importlib.util import find_spec
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from edge_deployer.cli.exit_status import EXIT_ERROR, EXIT_INTERRUPTED, EXIT_REFUSED
from edge_deployer.errors import Refused, TinyopsError

_DISTRIBUTION: Final = "tinyml-ops"
_GROUP = "tinyops.commands"
_PROOF_OF_EXTRA = {"pipeline": "tfx"}
"""A module that is there when an extra is installed; its name alone is looked up, nothing is imported."""


@cache
def _commands() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=_GROUP)}


class _InstalledCommands(TyperGroup):
    """The group of all sub-commands whose extra is installed."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return sorted(name for name, point in _commands().items() if not _missing_extra(point))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        point = _commands().get(cmd_name)
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
    was no verdict, 130 stopped by Ctrl-C.
    """


def main() -> None:
    """Run the command line; print what a user can mend without a traceback."""
    try:
        app()
    except TinyopsError as error:
        typer.secho(f"error: {error.message}", fg="red", err=True)
        if error.remedy:
            typer.secho(f"  remedy: {error.remedy}", err=True)
        sys.exit(EXIT_REFUSED if isinstance(error, Refused) else EXIT_ERROR)
    except KeyboardInterrupt:
        # Before the command has begun its work, where it would say more.
        sys.exit(EXIT_INTERRUPTED)
