"""Docstrings as we and as TFX write them."""

from __future__ import annotations

from pipeline.catalogue import docstrings


class Ours:
    """Does one thing.

    It does it
    well.

    Outputs:
        model: a `Model` with
            two lines.
        report: says ``why``.

    A note for developers.
    """

    def __init__(self, first: int, second: int) -> None:
        """Describe it.

        Args:
            first: of two, e.g. ``{"a": 1}``.
            second: the other, which
                takes two lines.
        """


class Theirs(Ours):
    """Official TFX Theirs component.

    The [Theirs](https://example.com/a_b) component makes a
    [`Schema`][tfx.v1.Schema]. It can:

    - do this
    - do that

    !!! Example
        ```
        Theirs(
        ```

    Component `outputs` contains:

     - `schema`: Channel of type [`standard_artifacts.Schema`][tfx.v1.Schema] for schema
     result.
     - `examples`: Channel of type `standard_artifacts.Examples`.
    """

    def __init__(self, first: int, module_file: str, stats: str) -> None:
        """Construct it.

        Args:
          first: A [BaseChannel][tfx.v1.BaseChannel] of type `standard_artifacts.Model`, serving as model. _required_
          module_file: A path. It must have a function:
            ```python
            def run_fn(): ...
            ```
            and more.
          stats: Optional list of
            things. Optional when

              1. one
        """


def test_ours() -> None:
    assert docstrings.description(Ours) == ["Does one thing.", "It does it well."]
    assert docstrings.outputs(Ours) == {"model": "a `Model` with two lines.", "report": "says `why`."}
    assert docstrings.arguments(Ours) == {
        "first": 'of two, e.g. `{"a": 1}`.',
        "second": "the other, which takes two lines.",
    }


def test_theirs_without_markup_lists_and_source_code() -> None:
    assert docstrings.description(Theirs) == ["The Theirs component makes a `Schema`."]
    assert docstrings.outputs(Theirs) == {
        "schema": "schema result.",
        "examples": "Channel of type `standard_artifacts.Examples`.",
    }


def test_arguments_of_the_base_class_are_there_but_for_those_described_anew() -> None:
    assert docstrings.arguments(Theirs) == {
        "first": "serving as model.",
        "second": "the other, which takes two lines.",
        "module_file": "A path.",
        "stats": "Optional list of things.",
    }
