"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

ReplaceOption = Annotated[
    bool,
    typer.Option(
        "--replace",
        help="Take the place of a release in production that has another task, input shape or number of outputs.",
    ),
]
