"""Patterns of names: what a recording's path says of it, e.g. ``{label}_{speaker}_{take}``."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Final

_FIELD: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_PART: Final = re.compile(r"(\{[^{}]*\}|\*)")


@dataclass(frozen=True)
class NamePattern:
    """A pattern with ``{field}`` and ``*``.

    With a ``/`` in it the whole path below the source's folder is matched, without its suffix; else the last part of
    it. A field ends where the text after it stands first, and holds no ``/``; ``*`` is anything.
    """

    text: str

    @classmethod
    def checked(cls, text: str) -> NamePattern:
        """A pattern that can be matched.

        Raises:
            ValueError: a field has no name or two have the same, or nothing stands between two fields.
        """
        fields = []
        for part in _PART.findall(text):
            name = _FIELD.fullmatch(part)
            if name:
                fields.append(name[1])
            elif part != "*":
                raise ValueError(f"{part} is no field: letters, digits and underscores are wanted between braces")
        if re.search(r"\}\{|\}\*|\*\{|\*\*", text):
            raise ValueError(f"{text}: two fields need text between them, or nobody knows where the first ends")
        if len(set(fields)) != len(fields):
            raise ValueError(f"{text} has a field twice")
        return cls(text)

    @cached_property
    def fields(self) -> frozenset[str]:
        """Names of its fields."""
        return frozenset(_FIELD.findall(self.text))

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        parts = _PART.split(plain(self.text))
        return re.compile("".join(map(_part, parts)), re.DOTALL)

    def match(self, name: str) -> dict[str, str] | None:
        """What a name says, by field; None where it does not fit the pattern.

        Args:
            name: path below the source's folder, with ``/``.
        """
        path = PurePosixPath(plain(name)).with_suffix("")
        found = self._expression.fullmatch(str(path) if "/" in self.text else path.name)
        return found.groupdict() if found else None


def plain(text: str) -> str:
    """One spelling of letters that Unicode has several of: file systems and editors choose different ones."""
    return unicodedata.normalize("NFC", text)


def _part(text: str) -> str:
    if text == "*":
        return ".*"
    field = _FIELD.fullmatch(text)
    return f"(?P<{field[1]}>[^/]+?)" if field else re.escape(text)
