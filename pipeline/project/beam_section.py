"""The `beam` section of a project: on what Beam runs the components' data work."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, PositiveInt, StrictBool, StrictFloat, StrictInt, model_validator

IN_MEMORY: Final = "in_memory"
MULTI_PROCESSING: Final = "multi_processing"

Scalar = StrictBool | StrictInt | StrictFloat | str
OptionValue = Scalar | list[Scalar] | dict[str, Any]


class BeamSection(BaseModel):
    """What runs the Beam jobs of the components."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # ``in_memory`` (in the process of the component), ``multi_processing`` (in processes beside it), or any runner that
    # Beam knows: a name such as ``portable``, ``FlinkRunner``, ``SparkRunner``, ``DataflowRunner``, or the dotted name
    # of a class.
    runner: str = IN_MEMORY
    workers: PositiveInt | None = None  # Processes of ``multi_processing``; None means one a processor.
    # Beam's pipeline options, named as on its command line without the dashes. A list gives an option several times, a
    # mapping is given as JSON.
    options: dict[str, OptionValue] = {}

    @model_validator(mode="after")
    def _workers_of_this_machine(self) -> BeamSection:
        if self.workers is not None and self.runner != MULTI_PROCESSING:
            raise ValueError(f"workers are those of runner {MULTI_PROCESSING}; another runner has options of its own")
        return self
