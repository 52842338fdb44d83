"""Values as text, as Kubeflow's driver and launcher read and write them, which are programs in Go.

A value is a google.protobuf.Value: null, boolean, double, text, list or object. Read in the source of
kubeflow/pipelines, in backend/src/v2: metadata/converter.go:15 `PbValueToText` and :50 `TextToPbValue`, the same from
2.14 to 2.17; driver/util.go:138 `pbValueToString` of 2.17.0; and in google.golang.org/protobuf, encoding/protojson.
"""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import Any, Final

_INTEGER = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9][0-9_]*)?")
_LOOSE_UNDERSCORE = re.compile(r"(?<![0-9])_|_(?![0-9])")
_BOOLEANS: Final = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}

# Go writes these so that JSON can stand in HTML.
_HTML: Final = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"})


def parse_json(text: str) -> Any:
    """Read JSON as strictly as protojson does.

    Raises:
        ValueError: it is not JSON, has NaN or Infinity or a number beyond a double, a key twice in one object, half a
            surrogate pair, or is nested too deeply.
    """
    try:
        value = json.loads(
            text, parse_constant=_not_json, parse_int=_double, parse_float=_double, object_pairs_hook=_once
        )
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return value


def to_json(value: Any) -> str:
    """A value as protojson writes it: whole doubles without a point, keys in order."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{to_json(key)}:{to_json(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(to_json, value)) + "]"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _json_number(float(value))
    return json.dumps(value, ensure_ascii=False)


def shown(value: Any) -> str:
    """A value as a word of a command, or as the parameter of type STRING that it is given to."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _plain(float(value))
    return to_json(value).translate(_HTML)


def shown_by_driver(value: Any) -> str:
    """A value as a word of a command where the driver fills it in: a number as ``%d`` or ``%g`` of Go."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return shown(value)
    number = float(value)
    if number.is_integer() and -(2**63) <= number < 2**63:
        return str(int(number))
    return _scientific(number) if not -4 <= Decimal(repr(number)).adjusted() < 6 else _plain(number)


def read(text: str, kind: str) -> Any:
    """The value that the text of an output parameter's file is.

    Args:
        text: the file's.
        kind: kfp.pipeline_spec.ParameterType.ParameterTypeEnum.

    Raises:
        ValueError: it is none of that type, or a number that JSON has no way to write.
    """
    if kind == "STRING":
        return text
    if kind in ("LIST", "STRUCT"):
        value = parse_json(text)
        if not isinstance(value, list if kind == "LIST" else dict):
            raise ValueError(f"{text!r} is no {kind}")
        return value
    word = text.strip()
    if kind == "BOOLEAN" and word in _BOOLEANS:
        return _BOOLEANS[word]
    if kind == "NUMBER_INTEGER" and _INTEGER.fullmatch(word) and -(2**63) <= int(word) < 2**63:
        return int(word)
    if kind == "NUMBER_DOUBLE" and _DECIMAL.fullmatch(word) and not _LOOSE_UNDERSCORE.search(word):
        return _double(word)
    raise ValueError(f"{text!r} is no {kind}")


def _double(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is beyond a double")
    return number


def _not_json(word: str) -> Any:
    raise ValueError(f"JSON has no {word}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    contents: dict[str, Any] = {}
    for key, value in pairs:
        if key in contents:
            raise ValueError(f"{key!r} is there twice")
        contents[key] = value
    return contents


def _json_number(number: float) -> str:
    if number and not 1e-6 <= abs(number) < 1e21:
        return re.sub(r"e-0", "e-", _scientific(number))
    return _plain(number)


def _plain(number: float) -> str:
    """As ``%f`` with no more digits than the double needs."""
    text = format(Decimal(repr(number)), "f")
    return text.removesuffix(".0")


def _scientific(number: float) -> str:
    """As ``%e`` with no more digits than the double needs."""
    sign, digits, _ = Decimal(repr(number)).normalize().as_tuple()
    exponent = Decimal(repr(number)).adjusted()
    first, rest = str(digits[0]), "".join(map(str, digits[1:]))
    return f"{'-' if sign else ''}{first}{'.' + rest if rest else ''}e{exponent:+03d}"
