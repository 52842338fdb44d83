"""Where the limits of the gates on data lie: `data_gates` in a project file."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field, ValidationInfo, field_validator

from components.project_section import Section

Action = Literal["warn", "stop"]


class Most(Section):
    """Figures beyond which a gate warns, and beyond which it stops the run; None for never."""

    warn: float | None = Field(default=None, ge=0)
    stop: float | None = Field(default=None, ge=0)


class Least(Section):
    """Counts below which a gate warns, and below which it stops the run; None for never."""

    warn: int | None = Field(default=None, ge=0)
    stop: int | None = Field(default=None, ge=0)


_WITH_LIMITS: Final = ("class_examples", "imbalance", "label_skew", "value_skew", "label_drift", "value_drift")


class DataGates(Section):
    """What data must hold to. ``warn`` in the place of limits keeps those that warn, and stops no run.

    Distances are from 0 to 1. Those of labels are the largest difference of a class's share (L-infinity), those of
    values the Jensen-Shannon divergence of their distributions.
    """

    schema_anomalies: Action = "stop"  # What does not fit the schema.
    unseen_labels: Action = "stop"  # A class in another split that train lacks.
    shared_groups: Action = "stop"  # A group that stands in train and in another split.
    class_examples: Least = Least(warn=10, stop=2)  # Samples of each class, in all splits together.
    imbalance: Most = Most(warn=10, stop=100)  # Of train's largest class to its smallest.
    # Between train and another split. Who holds out a speaker or a device holds out a distribution.
    label_skew: Most = Most(warn=0.1, stop=0.5)
    value_skew: Most = Most(warn=0.25, stop=0.4)
    # Between train and that of the last run whose release was promoted.
    label_drift: Most = Most(warn=0.1, stop=0.3)
    value_drift: Most = Most(warn=0.1, stop=0.3)

    @field_validator(*_WITH_LIMITS, mode="before")
    @classmethod
    def _beside_defaults(cls, given: Any, info: ValidationInfo) -> Any:
        """A limit that is not given keeps its default."""
        assert info.field_name is not None
        default = cls.model_fields[info.field_name].default.model_dump()
        if given == "warn":
            return {**default, "stop": None}
        return {**default, **given} if isinstance(given, dict) else given
