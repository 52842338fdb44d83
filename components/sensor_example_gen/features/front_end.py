"""A front end: what turns a sensor's samples into the features that a network takes, on the host as on the board."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from components.project_section import Section
from edge_deployer.tensors import Array


class FrontEndSection(Section):
    """`data.features`: each front end adds its parameters."""

    kind: str

    @property
    def rate_taken(self) -> int | None:
        """Values a second that a sample must have; None where any will do."""
        return None


class FrontEnd(Protocol):
    """Made anew in each worker; a sample's features depend on that sample alone."""

    Section: ClassVar[type[FrontEndSection]]
    """Its parameters in the project file."""
    name: ClassVar[str]
    """What the project file calls it."""
    version: ClassVar[str]
    """Changes when the same sample would get other features."""
    on_board: ClassVar[bool]
    """Whether C can repeat it bit for bit."""

    def __init__(self, section: Any) -> None: ...

    def shape(self, sample: tuple[int, ...]) -> tuple[int, ...]:
        """Of the features of a sample of that shape.

        Raises:
            TinyopsError: it takes no such samples.
        """

    def raw(self, values: Array) -> Array:
        """A sample as the sensor gives it to the board: integers."""

    def compute(self, raw: Array) -> Array:
        """The features of a raw sample, int8 where `on_board`."""

    def parameters(self) -> Mapping[str, Any]:
        """All that firmware must know besides name and version, as JSON has it."""
