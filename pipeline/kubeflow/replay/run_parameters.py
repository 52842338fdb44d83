"""The parameters of one run: the user's values over the pipeline's defaults, each of its declared type."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from typing import Any, Final

from edge_deployer.errors import TinyopsError
from pipeline.kubeflow.replay.value_text import parse_json


def run_parameters(
    spec: Mapping[str, Any], assignments: Iterable[str], known: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Value of each parameter that has one.

    Args:
        spec: kfp.pipeline_spec.PipelineSpec.
        assignments: ``NAME=VALUE``; lists and objects as JSON.
        known: values that go before the pipeline's defaults, where it has such parameters.

    Raises:
        TinyopsError: an assignment is none, its parameter is not the pipeline's, its value is not of the parameter's
            type, or a parameter that needs a value has none.
    """
    declared = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    values = {name: definition["defaultValue"] for name, definition in declared.items() if "defaultValue" in definition}
    values |= {name: value for name, value in (known or {}).items() if name in declared}
    for assignment in assignments:
        name, separator, text = assignment.partition("=")
        if not separator:
            raise TinyopsError(
                f"--parameter {assignment}: no value", remedy="write --parameter NAME=VALUE, once for each parameter"
            )
        if name not in declared:
            there = ", ".join(sorted(declared)) or "none"
            raise TinyopsError(
                f"--parameter {assignment}: the pipeline has no parameter {name!r}",
                remedy=f"take one of the pipeline's parameters: {there}",
            )
        values[name] = _read(name, text, declared[name].get("parameterType", "STRING"))
    missing = sorted(
        name for name, definition in declared.items() if name not in values and not definition.get("isOptional")
    )
    if missing:
        raise TinyopsError(
            f"no value for {', '.join(missing)}, which have no default",
            remedy="give each with --parameter NAME=VALUE",
        )
    return values


def _read(name: str, text: str, kind: str) -> Any:
    words, read = _READERS[kind]
    try:
        return read(text)
    except ValueError as error:
        raise TinyopsError(f"--parameter {name}={text}: {words} is wanted", remedy=f"give {name} as {words}") from error


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(text)
    return number


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def _json(kind: type) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        value = parse_json(text)
        if not isinstance(value, kind):
            raise ValueError(text)
        return value

    return read


# kfp.pipeline_spec.ParameterType.ParameterTypeEnum, what to call a value of it, and how to read one.
_READERS: Final[dict[str, tuple[str, Callable[[str], Any]]]] = {
    "STRING": ("text", str),
    "NUMBER_INTEGER": ("a whole number", int),
    "NUMBER_DOUBLE": ("a number", _finite),
    "BOOLEAN": ("true or false", _boolean),
    "LIST": ("a list in JSON", _json(list)),
    "STRUCT": ("an object in JSON", _json(dict)),
}
