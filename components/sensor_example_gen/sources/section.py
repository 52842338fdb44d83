"""What the sections of all kinds of data have in common: `data` in a project file."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, PositiveInt, field_validator, model_validator

from components.project_section import ConfigPath, FeatureName, Section, Share, StoreUri
from components.sensor_example_gen.features.known import KnownSection
from components.sensor_example_gen.features.no_features import NoFeaturesSection
from components.sensor_example_gen.sources.anomaly import Anomaly

BUILTIN_DIGITS: Final = "digits"


class Splits(Section):
    """How records are divided: by a hash of the group or the record, by groups, by a field, or by a list."""

    # Hash buckets of each split: their proportion is the splits' proportion. None: 4 train, 1 is held out.
    train: PositiveInt | None = None
    eval: PositiveInt | None = None
    eval_groups: list[str] | None = None  # Groups that are held out; all others train.
    field: FeatureName | None = None  # Field of the names, column or array that says the split.
    train_values: list[str] = ["train", "training"]  # What it says of a record that trains.
    eval_values: list[str] = ["eval", "evaluation", "test", "testing", "validation"]  # Of one that is held out.
    # File below the source's folder with the name of a held-out record in each line; all others train.
    eval_list: str | None = None

    @field_validator("eval_groups", "train_values", "eval_values", mode="before")
    @classmethod
    def _as_text(cls, values: object) -> object:
        return as_text(values)

    @model_validator(mode="after")
    def _one_way(self) -> Splits:
        ways = [name for name in ("eval_groups", "field", "eval_list") if getattr(self, name) is not None]
        if len(ways) > 1:
            raise ValueError(f"{' and '.join(ways)} both divide the records; give one of them")
        if ways and (self.train or self.eval):
            raise ValueError(f"{ways[0]} divides the records, and train and eval are hash buckets; give one of them")
        return self

    @property
    def buckets(self) -> dict[str, int]:
        """Hash buckets of each split, the training split first."""
        return {"train": self.train or 4, "eval": self.eval or 1}


class DataSection(Section):
    """Where samples are, and what they are samples of; each kind of data adds its own fields."""

    kind: str = "arrays"  # `audio`, `motion`, `images`, `arrays`, or one that an installed package brings.
    # File or folder, a path or a URI; or the word ``digits`` for scikit-learn's bundled handwritten digits.
    source: Literal["digits"] | StoreUri | ConfigPath
    input: FeatureName = "input"  # Name of the model's input.
    label: FeatureName | None = None  # Field, column or array that says the class; also the feature's name.
    target: FeatureName | None = None  # Column or array with the value that a regression is to answer.
    # Field, column or array that says from which person, device or recording a sample is; no group stands in two
    # splits.
    group: FeatureName | None = None
    # Name of each class, in the order of the indices; None for a regression.
    classes: Annotated[list[str], Field(min_length=2)] | None = None
    splits: Splits = Splits()
    # How the network's features are made of a sample: a front end's name, or a mapping with `kind` and its parameters.
    features: KnownSection = NoFeaturesSection()
    # Share of the records that may have each anomaly, beyond which a run stops; others have `Anomaly.most`.
    anomalies: dict[Anomaly, Share] = {}

    @field_validator("source", mode="before")
    @classmethod
    def _within_reach(cls, source: object) -> object:
        if isinstance(source, str) and "://" in source and not source.startswith(("gs://", "s3://", "minio://")):
            raise ValueError("a path is wanted, or a URI that begins with gs://, s3:// or minio://")
        return source

    @field_validator("features", mode="before")
    @classmethod
    def _by_name(cls, features: object) -> object:
        return {"kind": features} if isinstance(features, str) else features

    @field_validator("classes", mode="before")
    @classmethod
    def _names_of_classes(cls, classes: object) -> object:
        return as_text(classes)

    @model_validator(mode="after")
    def _distinct(self) -> DataSection:
        names = [name for name in (self.input, self.label, self.target, self.group) if name is not None]
        if len(set(names)) != len(names):
            raise ValueError("input, label, target and group must have different names")
        if self.classes is not None and len(set(self.classes)) != len(self.classes):
            raise ValueError("two classes have the same name")
        return self

    @model_validator(mode="after")
    def _has_answers(self) -> DataSection:
        if self.classes is None and self.target is None:
            raise ValueError("classes: missing; name the classes, or the target of a regression")
        if self.classes is not None and self.target is not None:
            raise ValueError("classes are of a classification and target of a regression; give one of them")
        if self.classes is not None and self.label is None:
            raise ValueError("label: missing; name what says the class")
        return self

    @property
    def class_field(self) -> str | None:
        """`label`, where there are classes."""
        return self.label if self.classes is not None else None


def as_text(values: object) -> object:
    """YAML reads the names 0, 1, 2 as numbers."""
    return [str(value) for value in values] if isinstance(values, list) else values
