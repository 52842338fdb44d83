"""The schema that a project may keep beside its file, and that its data must then fit."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from edge_deployer.files import exists, read_text

SCHEMA_FILE: Final = "schema.pbtxt"
"""Its name. It lies beside the project's file and is found there: `tinyops schema update` puts it into force alone."""


def read_schema(path: Path) -> str | None:
    """The text of a schema; None if there is no such file.

    Raises:
        TinyopsError: it cannot be read, or is no schema.
    """
    what = f"schema {path}"
    if not exists(path, what):
        return None
    text = read_text(path, what)
    # A tenth of a second of imports, for those who keep one.
    from components.project_schema.schema_text import parse_schema

    parse_schema(text, what)
    return text
