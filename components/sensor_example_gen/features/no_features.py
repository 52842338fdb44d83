"""No features: the network takes samples, or what the project's own `preprocessing_fn` makes of them on the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal

import numpy as np

from components.sensor_example_gen.features.front_end import FrontEndSection
from components.sensor_example_gen.sources.section import DataSection
from edge_deployer.tensors import Array


class NoFeaturesSection(FrontEndSection):
    """`data.features` of `kind: none`."""

    kind: Literal["none"] = "none"


class NoFeatures:
    """Passes samples on. What is computed of them later is computed on the host: not on the board."""

    Section: ClassVar[type[NoFeaturesSection]] = NoFeaturesSection
    version: ClassVar[str] = "1"
    on_board: ClassVar[bool] = False

    def __init__(self, section: NoFeaturesSection) -> None:
        self._section = section

    def check(self, data: DataSection) -> None:
        """Nothing is wrong with any data."""

    def shape(self, sample: tuple[int, ...]) -> tuple[int, ...]:
        """That of the sample."""
        return sample

    def raw(self, values: Array) -> Array:
        """The sample itself."""
        return values

    def compute(self, raw: Array) -> Array:
        """The same values as float32."""
        return raw.astype(np.float32)

    def parameters(self) -> Mapping[str, Any]:
        """None."""
        return {}


FRONT_END: Final = NoFeatures
