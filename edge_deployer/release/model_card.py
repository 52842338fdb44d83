"""The model card of a release: what the model is for, what it was measured to do, and what that rests on.

Two files, parts of a bundle. The same facts always give the same bytes: neither has a time in it, nor anything of the
runs before.

====================  =========================================
`FACTS_FILE`          `ModelCard` as JSON
`PAGE_FILE`           the same for people, as one HTML page
====================  =========================================
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from edge_deployer.files import checking
from edge_deployer.finding import AnyFinding, kind
from edge_deployer.release.data_findings import GateResult
from edge_deployer.release.front_end import FrontEndFacts
from edge_deployer.release.manifest import Sha256
from edge_deployer.task import Metric, Task

FACTS_FILE: Final = "model_card.json"
PAGE_FILE: Final = "model_card.html"
FILES: Final = (FACTS_FILE, PAGE_FILE)

SCHEMA_VERSION: Final = 1
"""Of `FACTS_FILE`."""

_REMEDY: Final = "build the release again"

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StatedUse(_Part):
    """What people say of the model: `card` in a project file. It is shown as given."""

    intended_use: Text | None = Field(default=None, description="what the model is for, and who is to use it")
    not_for: Text | None = Field(default=None, description="what it is not to be used for")
    contact: Text | None = Field(default=None, description="who answers questions")
    licence: Text | None = Field(default=None, description="under which model and data may be used")


class SplitCard(_Part):
    """One split of the data."""

    name: str
    samples: int
    groups: int | None = Field(description="how many; null where the data has none, or nobody counted them")
    classes: dict[str, int] = Field(description="samples of each class by its name; empty where they are not known")


class AnomalyCard(_Part):
    """Records that have something wrong with them."""

    records: int
    left_out: bool = Field(description="whether no sample was made of them")


class DataCard(_Part):
    """The data that the model was made of, or, of a model from elsewhere, that it was measured on."""

    source: str = Field(description="name of the file or folder")
    fingerprint: str = Field(description="SHA-256 of its samples; of one file, of the file")
    records: int | None = Field(description="recordings or rows, those included that were left out; null: not counted")
    group: str | None = Field(description="field of which no value stands in two splits; null where there is none")
    splits: tuple[SplitCard, ...]
    described: dict[str, str] = Field(description="what was done to the recordings")
    repeated: int = Field(description="samples whose input stands in the data before")
    conflicting: int = Field(description="samples whose input stands under another label, too")
    shared: int = Field(description="samples outside the training split whose input stands in it")
    anomalies: dict[str, AnomalyCard] = Field(description="what is wrong with records, by kind")
    gates: tuple[GateResult, ...] = Field(
        description="what the gates on data found, but for those that compare it with the data of earlier runs"
    )


class FigureCard(_Part):
    """A figure of the int8 model over all held-out samples."""

    metric: Metric
    value: float = Field(allow_inf_nan=False)
    least: float | None = Field(description="what it had to reach; null where nothing was asked")
    most: float | None = Field(description="what the error could be, in the target's unit; null as `least`")


class SliceCard(_Part):
    """The first of the figures on one part of the held-out samples."""

    name: str
    samples: int
    value: float = Field(allow_inf_nan=False)


class QualityCard(_Part):
    """What the int8 model was measured to do."""

    task: Task
    samples: int = Field(description="held-out samples that the figures are over")
    figures: tuple[FigureCard, ...]
    slices: tuple[SliceCard, ...]
    float_figure: float | None = Field(description="the first figure before the conversion to int8; null: not known")
    constant: float | None = Field(
        description="what always giving the best constant answer comes to, in the first figure; null where nobody asked"
    )


class BudgetCard(_Part):
    """What the model takes, and what a board of the profile has."""

    profile: str
    operators: dict[str, int] = Field(description="number of each, by its TFLite name")
    precision: str | None = Field(description="what the model computes in")
    macs: int | None = Field(description="multiply-accumulates of one inference; null where they cannot be counted")
    model_bytes: int = Field(description="size of the TFLite file")
    flash_limit: int = Field(description="bytes of the largest image that a slot takes, or that the plan allows")
    arena_bytes: int | None = Field(description="smallest arena it runs in, on a 64-bit host; null: not measured")
    arena_limit: int = Field(description="bytes that the board has for it, or that the plan allows")
    latency_us: float | None = Field(description="estimate of one inference, in microseconds; null: none")
    latency_note: str | None = Field(description="what the estimate rests on, or why there is none")
    latency_limits_us: dict[str, int] = Field(description="what the plan allows, by percentile")


class ModelCard(_Part):
    """Contents of `FACTS_FILE`."""

    schema_version: Literal[1] = SCHEMA_VERSION
    name: str
    model_sha256: Sha256
    stated: StatedUse
    data: DataCard | None = Field(description="null where nothing is known of it")
    front_end: FrontEndFacts | None = Field(description="what makes the features; null where nothing is said of it")
    quality: QualityCard | None = Field(description="null where nothing was measured")
    budgets: BudgetCard
    limits: tuple[AnyFinding, ...] = Field(description="what the figures rest on and do not show, as codes and figures")

    def to_json(self) -> bytes:
        """The same card always gives the same bytes."""
        return f"{self.model_dump_json(indent=2)}\n".encode()

    @classmethod
    def from_json(cls, data: bytes) -> ModelCard:
        """Inverse of `to_json`.

        Raises:
            TinyopsError: the bytes are no card, or one of another version.
        """
        with checking(FACTS_FILE, remedy=_REMEDY):
            return cls.model_validate_json(data)


@dataclass(frozen=True)
class CardFiles:
    """A card and its page."""

    card: ModelCard
    page: str  # HTML.

    def parts(self) -> Mapping[str, bytes]:
        """The files of a bundle, by name."""
        return {FACTS_FILE: self.card.to_json(), PAGE_FILE: self.page.encode()}


def card_schema() -> str:
    """The format of `FACTS_FILE`: JSON Schema, draft 2020-12, as JSON text."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **ModelCard.model_json_schema(mode="serialization"),
    }
    return json.dumps(schema, indent=2) + "\n"


HeldOut = kind(
    "card.held_out",
    "the figures rest on {{ samples | grouped }} held-out sample{{ 's' if samples != 1 }}"
    "{% if groups is not none %}, of {{ groups | grouped }} value{{ 's' if groups != 1 }} of {{ group }}{% endif %}",
    {"samples": int, "groups": int | None, "group": str | None},
)

NothingMeasured = kind("card.nothing_measured", "nothing was measured of how good the answers are")

GroupApart = kind(
    "card.group_apart",
    "no value of {{ group }} stands in two splits: the figures are of such as training has not seen",
    {"group": str},
)

NoGroup = kind(
    "card.no_group",
    "the data names no groups: what comes from one person, device or recording may stand in training and be held out, "
    "too, and the figures do not show how the model fares with new ones",
)

WorstSlice = kind(
    "card.worst_slice",
    "of all slices {{ name }} is the worst: {{ metric }} {{ figure | metric(metric) }} on "
    "{{ samples | grouped }} sample{{ 's' if samples != 1 }}, {{ overall | metric(metric) }} over all",
    {"name": str, "metric": str, "figure": float, "samples": int, "overall": float},
)

SmallestSlice = kind(
    "card.smallest_slice",
    "slice {{ name }} has the fewest held-out samples, {{ samples | grouped }}",
    {"name": str, "samples": int},
)

ClassesNotHeldOut = kind(
    "card.classes_not_held_out",
    "no held-out sample is of {{ classes | together }}: nothing was measured of that",
    {"classes": tuple[str, ...]},
)

SharedSamples = kind(
    "card.shared_samples",
    "{{ samples | grouped }} held-out sample{{ 's' if samples != 1 }} stand{{ 's' if samples == 1 }} in training, too",
    {"samples": int},
)

ConflictingSamples = kind(
    "card.conflicting_samples",
    "{{ samples | grouped }} samples have equal inputs and different labels",
    {"samples": int},
)

RecordsLeftOut = kind(
    "card.records_left_out",
    "{{ records | grouped }} of {{ total | grouped }} records were left out: {{ why | together }}",
    {"records": int, "total": int, "why": tuple[str, ...]},
)

HostFeatures = kind("card.host_features", "boards do not compute the features: the host does")

HostArena = kind("card.host_arena", "the arena was found by bisection on a 64-bit host, not on a board")

EstimatedLatency = kind(
    "card.estimated_latency",
    "the latency is estimated from profile {{ profile }}, not measured on a board",
    {"profile": str},
)
