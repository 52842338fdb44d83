"""`tinyops init`: a project from data."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from edge_deployer.cli.output import print_json

if TYPE_CHECKING:
    from pipeline.init.proposal import Proposal


class Kind(str, Enum):
    """Of data."""

    audio = "audio"
    motion = "motion"
    images = "images"
    arrays = "arrays"


def init(
    name: Annotated[Path, typer.Argument(metavar="NAME", help="Folder of the new project; its name is the project's.")],
    kind: Annotated[Kind, typer.Option(help="What the data is.")],
    data: Annotated[
        Optional[Path],  # noqa: UP045 - typer reads the annotation at run time, on Python 3.10
        typer.Option(
            help="Folder of recordings, manifest (CSV with columns path and label), table, or .npz file. "
            "It stays where it is. Without it: a project with a place for data, of arrays one of handwritten digits.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Write a project for data: it is looked at, and labels, rate, window, features and split are proposed.

    audio: WAV, FLAC, OGG. motion: CSV, Parquet, JSON, one recording in a file or many. images: PNG, JPEG, BMP.
    arrays: .npz. Labels are told from folders (yes/1.wav), from names (yes_anna_1.wav), from a manifest, or from a
    column. Who was recorded, if names or columns say it, is kept apart: the evaluation is of people that the network
    has not met. What is proposed stands in NAME/tinyops.yaml, each line with its reason: change what you know better.

    Example: tinyops init doorbell --kind audio --data recordings/ && tinyops run doorbell

    Exit status: 0 written, 1 an error, 2 wrong usage.
    """
    # Numpy, pyarrow and soundfile cost time that `tinyops --help` need not pay.
    from pipeline.init.without_data import write_without_data
    from pipeline.init.write import require_new, write_project

    require_new(name)
    if data is None:
        files, todo = write_without_data(name, kind.value)
        proposal = None
    else:
        from pipeline.init.propose import propose, source_of

        proposal = propose(kind.value, data)
        files, todo = write_project(name, proposal, source_of(kind.value, data)), []
    steps = [f"tinyops check {files[0]}", f"tinyops run {files[0]}"]
    if as_json:
        print_json({"kind": kind.value, "files": files, **_content(proposal), "first": todo, "next": steps})
    else:
        _print(proposal, files, todo, steps)


def _content(proposal: Proposal | None) -> dict[str, Any]:
    if proposal is None:
        return {"found": [], "proposed": [], "notices": []}
    sections = (
        ("data", proposal.data),
        ("data_gates", proposal.gates),
        ("evaluate", proposal.evaluate),
        ("acceptance", proposal.acceptance),
    )
    proposed = [
        {"field": f"{section}.{choice.field}", "value": choice.value, "why": choice.why}
        for section, choices in sections
        for choice in choices
    ]
    proposed.append({"field": "train.epochs", "value": proposal.epochs, "why": "by the number of samples"})
    return {"found": proposal.found, "proposed": proposed, "notices": proposal.notices}


def _print(proposal: Proposal | None, files: list[Path], todo: list[str], steps: list[str]) -> None:
    from edge_deployer.cli.output import print_table

    content = _content(proposal)
    for line in content["found"]:
        typer.echo(f"found: {line}")
    if content["proposed"]:
        typer.echo()
        rows = [(line["field"], _shown(line["value"]), line["why"]) for line in content["proposed"]]
        print_table(("proposed", "", "why"), rows)
        typer.echo()
    for line in content["notices"]:
        typer.echo(f"note: {line}")
    typer.echo(f"written: {', '.join(map(str, files))}")
    for number, line in enumerate(todo):
        typer.echo(f"{'first' if not number else ' also'}: {line}")
    typer.echo(f"next: {steps[0]}")
    for line in steps[1:]:
        typer.echo(f"      {line}")


def _shown(value: Any) -> str:
    """A value in a cell of a table."""
    if isinstance(value, list):
        text = ", ".join(map(str, value))
    elif isinstance(value, dict):
        text = ", ".join(f"{key} {_shown(each)}" for key, each in value.items())
    else:
        text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
