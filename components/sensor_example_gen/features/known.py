"""The front ends that a project can name."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from components.sensor_example_gen.features.front_end import FrontEnd, FrontEndSection
from components.sensor_example_gen.features.log_mel import LogMelSection, LogMelSpectrogram
from components.sensor_example_gen.features.micro_frontend import MicroFrontend, MicroFrontendSection
from components.sensor_example_gen.features.no_features import NoFeatures, NoFeaturesSection
from components.sensor_example_gen.features.scale import Scale, ScaleSection

KnownSection = Annotated[
    LogMelSection | MicroFrontendSection | NoFeaturesSection | ScaleSection, Field(discriminator="kind")
]
"""`data.features` of a project file."""

_FRONT_ENDS: Final[tuple[type[FrontEnd], ...]] = (LogMelSpectrogram, MicroFrontend, NoFeatures, Scale)


def front_end_of(section: FrontEndSection) -> FrontEnd:
    """The front end that a section has the parameters of."""
    (found,) = (kind for kind in _FRONT_ENDS if type(section) is kind.Section)
    return found(section)
