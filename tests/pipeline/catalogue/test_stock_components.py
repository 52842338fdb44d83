"""What is said of TFX's components is ours: it fits what they take and make, and is not TFX's text."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from pipeline.catalogue import stock_components
from pipeline.project.component_names import COMPONENTS

if TYPE_CHECKING:
    from pipeline.catalogue.interface import Interface

# As many words in a row as no two people write by chance.
_RUN = 8


def classes_of_tfx(name: str) -> Iterator[type]:
    """The component's class, if it is TFX's, and its base classes."""
    for kind in inspect.getmro(getattr(import_module(COMPONENTS[name]), name)):
        if kind.__module__.startswith("tfx."):
            yield kind


def runs(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[start : start + _RUN]) for start in range(len(words) - _RUN + 1)}


@pytest.mark.parametrize("name", COMPONENTS)
def test_no_description_comes_from_a_class_or_constructor_of_tfx(
    name: str, interfaces: dict[str, Interface], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.catalogue.interface import interface

    theirs = list(classes_of_tfx(name))
    assert theirs
    for kind in theirs:
        monkeypatch.setattr(kind, "__doc__", None)
        if "__init__" in vars(kind):
            monkeypatch.setattr(kind.__init__, "__doc__", None)
    assert interface(name) == interfaces[name]


def test_no_sentence_of_tfx_is_on_the_page(interfaces: dict[str, Interface]) -> None:
    from pipeline.catalogue.page import catalogue_page

    theirs = {kind for name in COMPONENTS for kind in classes_of_tfx(name)}
    docs = [one.__doc__ for kind in theirs for one in (kind, kind.__init__)]
    said = set().union(*(runs(doc) for doc in docs if doc))
    assert len(said) > 1000
    assert not said & runs(catalogue_page(list(interfaces.values())))


@pytest.mark.parametrize("name", stock_components.PARTS)
def test_nothing_is_described_that_the_component_does_not_have(name: str, interfaces: dict[str, Interface]) -> None:
    component = interfaces[name]
    has = {one.name for one in (*component.inputs, *component.parameters, *component.outputs)}
    assert set(stock_components.PARTS[name]) <= has


@pytest.mark.parametrize("name", COMPONENTS)
def test_no_input_is_named_as_an_output_is(name: str, interfaces: dict[str, Interface]) -> None:
    component = interfaces[name]
    taken = {one.name for one in (*component.inputs, *component.parameters)}
    assert not taken & {one.name for one in component.outputs}
