"""What was found in data, and what is proposed for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

Network = Literal["speech", "sound", "motion", "strokes", "pictures", "table", "signal"]
"""What the written module builds: one network and its augmentations for each."""

MOST_CLASSES: Final = 200
SPLIT_WORDS: Final = {
    "train": ("train", "training"),
    "eval": ("eval", "evaluation", "test", "testing", "validation", "val", "valid", "dev", "holdout"),
}
"""What names and columns say of a split, in small letters."""


APART: Final = "none of them is to be in both splits"
"""Why records are grouped."""


@dataclass(frozen=True)
class Choice:
    """A value for a field of the project file, and why it has it."""

    field: str
    value: Any
    why: str = ""


@dataclass(frozen=True)
class Grouping:
    """One way to tell from whom or what a record is; the first that divides the data well is taken."""

    group: str | None  # Name of the field; None for none.
    choices: tuple[Choice, ...] = ()  # Fields of `data` that go with it.
    is_last_resort: bool = False  # Whether it is tried only where records cannot be divided by hash.

    @classmethod
    def by(cls, field: str | None) -> tuple[Grouping, ...]:
        """By the values of a field, where there is one, and not at all."""
        if field is None:
            return (cls(None),)
        return (cls(field, (Choice("group", field, APART),)), cls(None))


@dataclass(frozen=True)
class Survey:
    """What one kind of data looks like, before its records are divided.

    Attributes:
        choices: fields of `data` without features, splits and group.
        network: what the module builds.
        found: what there is, a sentence each.
        groupings: ways to group records, the best first.
        split: of the data's own division: fields of `data.splits`, and of `data`; None where there is none.
        features: of `data.features`; None for a range that is measured.
        notices: what is odd, a sentence each.
        gates: fields of `data_gates`.
        outputs: real values to answer, of a regression.
    """

    choices: tuple[Choice, ...]
    network: Network
    found: tuple[str, ...]
    groupings: tuple[Grouping, ...] = (Grouping(None),)
    split: tuple[Choice, ...] | None = None
    features: Choice | None = None
    notices: tuple[str, ...] = ()
    gates: tuple[Choice, ...] = ()
    outputs: int = 1


@dataclass(frozen=True)
class Proposal:
    """All that a project's files are written from."""

    kind: str
    data: tuple[Choice, ...]
    evaluate: tuple[Choice, ...]
    acceptance: tuple[Choice, ...]
    epochs: int
    network: Network
    shape: tuple[int, ...]  # Of the features.
    classes: int  # 0 for a regression.
    outputs: int
    weighs_classes: bool  # Whether some classes are so rare that their samples count more.
    found: tuple[str, ...]
    notices: tuple[str, ...] = ()
    gates: tuple[Choice, ...] = ()  # Fields of `data_gates`.
