"""No front end: the network gets what the data holds, or what `preprocessing_fn` makes of it on the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from components.sensor_example_gen.features.front_end import FrontEndSection
from edge_deployer.tensors import Array


class NoFeaturesSection(FrontEndSection):
    """It has no parameters."""

    kind: Literal["none"] = "none"


class NoFeatures:
    """Samples as they are."""

    Section: ClassVar[type[FrontEndSection]] = NoFeaturesSection
    name: ClassVar[str] = "none"
    version: ClassVar[str] = "1"
    on_board: ClassVar[bool] = False

    def __init__(self, section: NoFeaturesSection) -> None:
        del section

    def shape(self, sample: tuple[int, ...]) -> tuple[int, ...]:
        """That of the sample."""
        return sample

    def raw(self, values: Array) -> Array:
        """The sample."""
        return values

    def compute(self, raw: Array) -> Array:
        """The sample."""
        return raw

    def parameters(self) -> Mapping[str, Any]:
        """None."""
        return {}
