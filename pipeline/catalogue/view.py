"""Components on the terminal, and as JSON for programs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from pipeline.catalogue.interface import NOT_CACHEABLE, Artifact, Interface, Parameter

_COLUMNS: Final = 100


def list_text(components: Sequence[Interface]) -> str:
    """A line a component."""
    width = max(len(one.name) for one in components)
    return "\n".join(f"{one.name:{width}}  {one.summary}" for one in components)


def component_text(component: Interface) -> str:
    """What it does, and each input, parameter and output."""
    notes = [] if component.cacheable else [NOT_CACHEABLE]
    parts = [
        component.name,
        *(_indented(paragraph, 2) for paragraph in (*component.description, *notes)),
        *_part("inputs", (_artifact(one, optional="optional") for one in component.inputs)),
        *_part("parameters", (_parameter(one) for one in component.parameters)),
        *_part("outputs", (_artifact(one, optional="may be empty") for one in component.outputs)),
    ]
    return "\n\n".join(parts)


def _part(title: str, entries: Iterable[str]) -> Iterator[str]:
    text = "\n".join(entries)
    if text:
        yield f"{title}:\n{text}"


def _artifact(artifact: Artifact, optional: str) -> str:
    head = f"  {artifact.name}: {artifact.type}{f', {optional}' * artifact.optional}"
    return f"{head}\n{_indented(artifact.description, 6)}"


def _parameter(parameter: Parameter) -> str:
    lines = [
        f"  {parameter.name}: {parameter.type}{', optional' * parameter.optional}",
        _indented(parameter.description, 6),
        *([f"      default: {parameter.default}"] if parameter.default is not None else []),
        # In one line, to be copied.
        *([f"      example: {parameter.example}"] if parameter.example is not None else []),
    ]
    return "\n".join(lines)


def _indented(text: str, columns: int) -> str:
    margin = " " * columns
    return textwrap.fill(text, _COLUMNS, initial_indent=margin, subsequent_indent=margin)
