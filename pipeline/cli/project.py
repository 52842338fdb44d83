"""Which project a command is for: an argument and an option that all commands of a project share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final, Optional

import typer

from edge_deployer.errors import TinyopsError

_FILE: Final = "tinyops.yaml"
_OTHER_ENDING: Final = "tinyops.yml"
_DEMO: Final = "scikit-learn's handwritten digits"

ProjectArgument = Annotated[
    Optional[Path],  # noqa: UP045 - typer reads the annotation at run time, on Python 3.10
    typer.Argument(
        metavar="[PROJECT]",
        help=f"A project's {_FILE}, or its folder; without it, that of this folder, or the demo where there is none.",
        show_default=False,
    ),
]
DemoOption = Annotated[bool, typer.Option("--demo", help=f"Take the demo: {_DEMO}.")]


def choose_project(named: Path | None, *, demo: bool) -> Path:
    """The config file that a command works with, as `find_project`; the first line on stderr says which it is."""
    # Pydantic and yaml cost time that `tinyops --help` need not pay.
    from pipeline.project.config import DEFAULT_CONFIG

    found = find_project(named, demo=demo)
    if found != DEFAULT_CONFIG:
        said = f"project: {found}"
    elif demo:
        said = f"demo: {_DEMO}"
    else:
        said = f"demo: {_DEMO}, as this folder has no {_FILE}"
    typer.echo(said, err=True)
    return found


def find_project(named: Path | None, *, demo: bool) -> Path:
    """The config file of a project.

    Args:
        named: a config file, or the folder that has it; None for the file in the working folder, or else the demo.
        demo: take the project that comes with the software, whatever the working folder holds.

    Raises:
        TinyopsError: the folder has no such file, or has it by another name.
        typer.BadParameter: both a project and the demo are asked for.
    """
    from pipeline.project.config import DEFAULT_CONFIG

    if demo:
        if named is not None:
            raise typer.BadParameter(f"{named} and --demo are two projects; give one of them")
        return DEFAULT_CONFIG
    if named is None:
        return _file_in(Path()) or DEFAULT_CONFIG
    if not named.is_dir():
        return named
    found = _file_in(named)
    if found is None:
        raise TinyopsError(f"folder {named} has no {_FILE}", remedy=f"name a project's {_FILE}, or its folder")
    return found


def _file_in(folder: Path) -> Path | None:
    """Whatever has the name: what cannot be read is then an error, and the demo is not taken for it."""
    file, misnamed = folder / _FILE, folder / _OTHER_ENDING
    if os.path.lexists(file):
        return file
    if os.path.lexists(misnamed):
        raise TinyopsError(f"{misnamed}: a project's file is called {_FILE}", remedy="rename it, or name it")
    return None
