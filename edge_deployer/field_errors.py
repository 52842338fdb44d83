"""Pydantic's findings in the project's own form: the file, the field, the value, the remedy."""

from __future__ import annotations

from pydantic import ValidationError

from edge_deployer.errors import TinyopsError


def describe_validation_error(error: ValidationError, source: str) -> TinyopsError:
    """All findings of a validation as one error.

    Args:
        error: what pydantic raised.
        source: the file or thing that was checked, named in the message.
    """
    lines = []
    for finding in error.errors():
        field = ".".join(str(part) for part in finding["loc"]) or "(whole file)"
        if finding["type"] == "extra_forbidden":
            lines.append(f"{field}: unknown key")
        elif finding["type"] == "missing":
            lines.append(f"{field}: missing")
        else:
            lines.append(f"{field} = {finding['input']!r}: {finding['msg']}")
    return TinyopsError(f"{source}: " + "; ".join(lines), remedy="correct the fields named above")
