"""Values as C11 and C++ both read them. Nothing here depends on the encoding of the source file: all of it is ASCII."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

import numpy as np
from pydantic import JsonValue

from edge_deployer.errors import TinyopsError
from edge_deployer.tensors import Array

_BYTES_A_LINE: Final = 16
_NUMBERS_A_LINE: Final = 12
_SPELT_OUT: Final = '"\\?'
"""Printable, and not as they are in a string: two question marks begin a trigraph."""


def string(text: str) -> str:
    """A string literal of the text in UTF-8."""
    # Always three octal digits: a hexadecimal escape would take the characters after it for its own.
    return f'"{"".join(map(_letter, text.encode()))}"'


def comment(text: str) -> str:
    """The text for the inside of a comment: it cannot end it, nor hold what a compiler warns of."""
    plain = text.encode("ascii", "backslashreplace").decode()
    printable = "".join(letter if letter.isprintable() else " " for letter in plain)
    return re.sub(r"\*(?=/)|/(?=\*)|\?(?=\?)", r"\g<0> ", printable)


def byte_lines(data: bytes) -> str:
    """The inside of an initialiser of an array of bytes."""
    return _lines((f"0x{byte:02x}" for byte in data), _BYTES_A_LINE)


def integer_lines(values: Array) -> str:
    """The inside of an initialiser of an array of integers of at most 32 bits, row-major."""
    return _lines(map(str, values.ravel().tolist()), _NUMBERS_A_LINE)


def float32(value: float) -> str:
    """A constant of type float that is this float32 to the bit."""
    return f"{np.format_float_scientific(np.float32(value), unique=True, trim='0')}f"


def number(value: float) -> str:
    """An integer or double constant, which may stand anywhere in an expression."""
    text = repr(value)
    return f"({text})" if text.startswith("-") else text


def dimensions(shape: Sequence[int]) -> str:
    """An initialiser of an array of dimensions."""
    return "{" + ", ".join(map(str, shape)) + "}"


def macros(prefix: str, parameters: Mapping[str, JsonValue], *, taken: Collection[str] = ()) -> dict[str, str]:
    """A macro for each parameter, by its name; mappings are spelt out, and a list has a macro with its length, too.

    Numbers, and lists of numbers, are constants and initialisers; other lists are their JSON in a string. What is null
    has no macro.

    Args:
        prefix: of each name.
        parameters: of a front end.
        taken: names that stand for something else.

    Raises:
        TinyopsError: a name would stand for two things.
    """
    found: dict[str, str] = {}
    for name, value in _macros(prefix, parameters):
        if name in found or name in taken:
            remedy = "rename the parameter of the front end"
            raise TinyopsError(f"{name} would be two things in C: one is a parameter of the front end", remedy=remedy)
        found[name] = value
    return found


def _letter(byte: int) -> str:
    letter = chr(byte)
    if letter in _SPELT_OUT:
        return f"\\{letter}"
    return letter if letter.isascii() and letter.isprintable() else f"\\{byte:03o}"


def _macros(prefix: str, parameters: Mapping[str, JsonValue]) -> Iterator[tuple[str, str]]:
    for key, value in parameters.items():
        name = f"{prefix}_{re.sub('[^A-Z0-9]', '_', key.upper())}"
        if isinstance(value, Mapping):
            yield from _macros(name, value)
        elif isinstance(value, list):
            yield f"{name}_LENGTH", str(len(value))
            if value:
                yield name, _initialiser(value) or string(json.dumps(value))
        elif value is not None:
            yield name, string(value) if isinstance(value, str) else _constant(value)


def _initialiser(values: Sequence[JsonValue]) -> str | None:
    """Braces around numbers, or around braces around them; None where something else stands among them."""
    parts = []
    for value in values:
        part = _initialiser(value) if isinstance(value, list) and value else None
        if isinstance(value, (int, float)):
            part = _constant(value)
        if part is None:
            return None
        parts.append(part)
    return "{" + ", ".join(parts) + "}"


def _constant(value: float) -> str:
    return str(int(value)) if isinstance(value, bool) else number(value)


def _lines(texts: Iterable[str], most: int) -> str:
    rest = iter(texts)
    lines = iter(lambda: ", ".join(islice(rest, most)), "")
    return ",\n".join(f"    {line}" for line in lines)
