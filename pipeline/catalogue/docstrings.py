"""What the docstrings of our own component classes say."""

from __future__ import annotations

from typing import Final

from docstring_parser.google import DEFAULT_SECTIONS, GoogleParser, Section, SectionType

_PARSER: Final = GoogleParser([*DEFAULT_SECTIONS, Section("Outputs", "attribute", SectionType.MULTIPLE)])


def description(kind: type) -> tuple[str, ...]:
    """What a component does, one paragraph per item."""
    whole = _PARSER.parse(kind.__doc__ or "").description or ""
    return tuple(_line(paragraph) for paragraph in whole.split("\n\n"))


def parts(kind: type) -> dict[str, str]:
    """What each parameter and output is by the class's docstring, and each argument by its constructor's."""
    docs = (kind.__doc__, vars(kind)["__init__"].__doc__)
    return {one.arg_name: _line(one.description or "") for doc in docs if doc for one in _PARSER.parse(doc).params}


def _line(text: str) -> str:
    return " ".join(text.replace("``", "`").split())
