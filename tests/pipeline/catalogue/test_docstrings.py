"""Docstrings as we write them."""

from __future__ import annotations

from pipeline.catalogue import docstrings


class Base:
    """Does something else."""

    def __init__(self, inherited: int) -> None:
        """Describe it.

        Args:
            inherited: of the base class.
        """


class Component(Base):
    """Does one thing.

    It does it
    well.

    Parameters:
        wish: as the executor takes it.

    Outputs:
        model: a `Model` with
            two lines.
        report: says ``why``.
    """

    def __init__(self, first: int, second: int) -> None:
        """Describe it.

        Args:
            first: of two, e.g. ``{"a": 1}``.
            second: the other, which
                takes two lines.
        """


def test_a_description_has_a_paragraph_an_item() -> None:
    assert docstrings.description(Component) == ("Does one thing.", "It does it well.")


def test_parts_are_those_of_class_and_constructor_but_not_of_the_base_class() -> None:
    assert docstrings.parts(Component) == {
        "wish": "as the executor takes it.",
        "model": "a `Model` with two lines.",
        "report": "says `why`.",
        "first": 'of two, e.g. `{"a": 1}`.',
        "second": "the other, which takes two lines.",
    }
