"""Pydantic's findings in the project's own form: the file, the field, the value, the remedy."""

from __future__ import annotations

import reprlib
from typing import Final

from pydantic import ValidationError

from edge_deployer.errors import TinyopsError, shortened

_MOST_FINDINGS: Final = 10
_LONGEST_FIELD: Final = 120
_LONGEST_TEXT: Final = 400


def describe_validation_error(error: ValidationError, source: str) -> TinyopsError:
    """The first findings about a file or thing as one error; values in it are cut to a length that can be read."""
    findings = error.errors(include_url=False)
    lines = []
    for finding in findings[:_MOST_FINDINGS]:
        field = shortened(".".join(str(part) for part in finding["loc"]) or "(whole file)", _LONGEST_FIELD)
        if finding["type"] == "extra_forbidden":
            lines.append(f"{field}: unknown key")
        elif finding["type"] == "missing":
            lines.append(f"{field}: missing")
        else:
            lines.append(f"{field} = {_brief(finding['input'])}: {shortened(finding['msg'], _LONGEST_TEXT)}")
    if len(findings) > _MOST_FINDINGS:
        lines.append(f"and {len(findings) - _MOST_FINDINGS:,} more")
    return TinyopsError(f"{source}: " + "; ".join(lines), remedy="correct the fields named above")


def _brief(value: object) -> str:
    """A value as Python writes it, of bounded depth and length whatever it holds."""
    writer = reprlib.Repr()
    writer.maxstring = writer.maxother = _LONGEST_FIELD
    writer.maxlevel, writer.maxdict, writer.maxlist = 3, 8, 8
    return shortened(writer.repr(value), _LONGEST_TEXT)
