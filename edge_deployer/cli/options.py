"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

WORKSPACE: Final = Path(".tinyops")

InventoryFile = Annotated[
    Path | None,
    typer.Option(
        help="The boards, a YAML file or a folder of them; default: 2 staging and 3 production virtual boards."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]

ReplaceOption = Annotated[
    bool,
    typer.Option(
        "--replace",
        help="Take the place of a release in production that has another task, input shape or number of outputs.",
    ),
]

ApproveOption = Annotated[
    str | None,
    typer.Option(
        "--approve",
        metavar="WHY",
        help="Approve that boards cannot be taken back to what lies below the security floor that the release raises.",
    ),
]

WaitOption = Annotated[
    float,
    typer.Option(
        "--wait", metavar="MINUTES", min=0, help="Wait so long for boards that another command holds; 0 does not wait."
    ),
]

TakeOverOption = Annotated[
    bool,
    typer.Option(
        "--take-over",
        help="Take boards that another workspace has claimed since: this one's claims are raised above theirs.",
    ),
]
