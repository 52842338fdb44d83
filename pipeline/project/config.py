"""The one YAML file that describes a project."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeInt,
    PositiveInt,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    create_model,
    field_validator,
    model_validator,
)

from components.data_gate.gates import DataGates
from components.project_section import ConfigPath, FeatureName, Section, Share, beside_config
from components.sensor_example_gen.sources.section import DataSection
from components.sensor_example_gen.sources.source import source_class
from edge_deployer.acceptance.checks.accuracy import Accuracy
from edge_deployer.acceptance.checks.auc import Auc
from edge_deployer.acceptance.checks.mae import Mae
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.errors import TinyopsError
from edge_deployer.field_errors import describe_validation_error
from edge_deployer.files import exists, read_yaml, resolved
from edge_deployer.profile import BoardProfile, load_profile
from edge_deployer.release.model_card import StatedUse
from edge_deployer.rollout.strategy import DEFAULT, Strategy
from edge_deployer.task import Threshold
from edge_deployer.task_name import DEFAULT_THRESHOLD, TaskName
from pipeline.project.beam_section import BeamSection
from pipeline.project.ci_settings import CiSection
from pipeline.project.kubeflow_settings import KubeflowSection

DEFAULT_CONFIG: Final = Path(__file__).parents[1] / "templates" / "digits" / "tinyops.yaml"

_OF_A_REGRESSION: Final = ("max_mae", "max_rmse", "max_rise")
_OF_LABELS: Final = (
    "min_accuracy",
    "min_auc",
    "min_recall",
    "min_precision",
    "threshold",
    "max_drop",
    "min_slice_accuracy",
)
"""Fields of `evaluate`."""


def _taken_by_kubeflow(name: str) -> str:
    """A name that may be Kubeflow's in small letters and with hyphens for underscores."""
    if not re.fullmatch(r"[A-Za-z]([A-Za-z0-9_-]*[A-Za-z0-9])?", name):
        raise ValueError(
            "letters, digits, hyphens and underscores are wanted, a letter first, a letter or a digit last"
        )
    return name


# No longer than what Kubeflow takes.
Name = Annotated[str, StringConstraints(max_length=128), AfterValidator(_taken_by_kubeflow)]
Error = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class TrainSection(Section):
    """The user's code, and what it finds in `custom_config`.

    Attributes:
        module: with `run_fn`.
        preprocessing: with `preprocessing_fn`, if it is not in `module`, whose edits then do not run Transform again.
        epochs: for `run_fn`.
        seed: for both.
        fit_board: whether the module sizes its network by the board profile: ``custom_config["board"]`` then has its
            ``arena_bytes`` and ``slot_bytes``, and another profile trains anew.
    """

    module: ConfigPath
    preprocessing: ConfigPath | None = None
    epochs: PositiveInt = 40
    seed: Annotated[int, Field(ge=0)] = 0
    fit_board: bool = False


class ConvertSection(Section):
    """Post-training quantisation."""

    representative_examples: PositiveInt = 200


class EvaluateSection(Section):
    """When a model is blessed."""

    min_accuracy: Share = 0.9  # Least accuracy of the int8 model over the eval split, where its answers are classes.
    min_auc: Share = 0.85  # Least area under the ROC curve, of a binary task and of an anomaly detection.
    min_recall: Share | None = None  # Least share of class 1 that a binary task finds; None asks for none.
    min_precision: Share | None = None  # Least share that is right of what it names class 1; None asks for none.
    # Of a binary task: class 1 is what is over it, in the output's real units.
    threshold: Threshold = DEFAULT_THRESHOLD
    # Most that accuracy, for an anomaly detection AUC, may lie below the latest blessed model's.
    max_drop: Share = 0.02
    max_mae: Error | None = None  # Most that a regression's mean absolute error may be, in the target's unit, or None.
    max_rmse: Error | None = None  # The same of its root mean square error.
    # Most that a regression's mean absolute error may lie over the latest blessed model's, as a share of that.
    max_rise: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.05
    # Features whose every value is a slice; None means the label, of a regression the group.
    slices: list[FeatureName] | None = None
    min_slice_accuracy: Share | None = None  # Least accuracy on every slice; None asks for none.


class DeploySection(Section):
    """How a release reaches boards."""

    inventory: ConfigPath | None = None  # File or folder with the boards; None means virtual boards.
    release_version: str = "0.1.0"  # Version of the release, ``major.minor.revision``.
    # Names of the board profiles that a release is for; None: of all that it fits.
    profiles: Annotated[list[str], Field(min_length=1)] | None = None
    signing_key: ConfigPath | None = None  # Ed25519 private key in PEM; None means a key made for the workspace.
    strategy: Strategy = DEFAULT  # How production gets it.
    wait_minutes: NonNegativeInt = 30  # For boards that somebody else holds: hours of training are not lost to a lock.

    @field_validator("strategy")
    @classmethod
    def _needs_nobody(cls, strategy: Strategy) -> Strategy:
        if strategy.waits_for_approval:
            raise ValueError(
                "a run cannot wait for the approval of a wave: a step that waits holds its pod and its boards until "
                "somebody comes. Approve the run before it begins, or take its release to production with "
                "`tinyops rollout start`"
            )
        return strategy


class PipelineConfig(Section):
    """A project: its data, its training code, and what a model must reach."""

    name: Name  # Of the pipeline; runs with the same name and workspace share cache and baseline.
    data: DataSection
    data_gates: DataGates = DataGates()  # When data is no good to train on.
    train: TrainSection
    convert: ConvertSection = ConvertSection()
    evaluate: EvaluateSection = EvaluateSection()
    # What the model is for: ``classification`` (the greatest of several outputs), ``binary`` (one output, class 1 over
    # `evaluate.threshold`), ``anomaly`` (one output is the score, or the model gives its input back) or ``regression``
    # (the outputs are real values, those of `data.target`); None: as target, classes and output show it.
    task: TaskName | None = None
    board_profile: str = "cortex-m4"  # A shipped profile's name or a `.yaml` file.
    acceptance: AcceptancePlan = AcceptancePlan()  # What boards are asked.
    card: StatedUse = StatedUse()  # What the model is for, as the release's model card shows it.
    deploy: DeploySection = DeploySection()  # How the release reaches boards.
    beam: BeamSection = BeamSection()  # What runs the components' data work.
    # Where and how steps run on Kubeflow; None for a project that runs on one machine only.
    kubeflow: KubeflowSection | None = None
    ci: CiSection = CiSection()  # What `tinyops ci` runs, and where it registers.

    @field_validator("board_profile")
    @classmethod
    def _beside(cls, profile: str, info: ValidationInfo) -> str:
        if profile.endswith((".yaml", ".yml")):
            return str(beside_config(Path(profile), info))
        return profile

    @model_validator(mode="after")
    def _fits_its_task(self) -> PipelineConfig:
        """What is asked for can be measured: a threshold that nothing is held against would be no threshold."""
        if self.is_regression:
            self._fits_a_regression()
        else:
            self._fits_labels()
        return self

    def _fits_labels(self) -> None:
        """There are as many classes as the task has, and nothing that is asked for is of another task."""
        if self.task == "regression":
            raise ValueError("task regression needs data.target, which names what the model is to answer")
        for name in _OF_A_REGRESSION:
            if name in self.evaluate.model_fields_set:
                raise ValueError(f"evaluate.{name} is of a regression, which has data.target")
        self._fits_classes(len(self.class_names), self.task or "classification")

    def _fits_classes(self, classes: int, shown: str) -> None:
        evaluate, acceptance = self.evaluate, self.acceptance
        if self.task in ("binary", "anomaly") and classes != 2:
            raise ValueError(f"task {self.task} has two classes, not {classes}; see data.classes")
        may_be_binary = classes == 2 and self.task in (None, "binary")
        for name in ("min_recall", "min_precision"):
            if getattr(evaluate, name) is not None and not may_be_binary:
                raise ValueError(f"evaluate.{name} is of a binary task; this one is {shown}")
        if acceptance.section(Auc) is not None and (classes != 2 or self.task == "classification"):
            raise ValueError("acceptance.auc is of a binary task or an anomaly detection; this one is classification")
        if acceptance.section(Accuracy) is not None and self.task == "anomaly":
            raise ValueError("acceptance.accuracy is of classes; this task is anomaly")
        if acceptance.section(Mae) is not None:
            raise ValueError("acceptance.mae is of a regression, which has data.target")

    def _fits_a_regression(self) -> None:
        """Nothing that is asked for is of classes or scores."""
        if self.task not in (None, "regression"):
            raise ValueError(f"data.target is of a regression; task {self.task} has data.label")
        if self.data.label is not None and "label" in self.data.model_fields_set:
            raise ValueError("data has both label and target; keep target for a regression, label for anything else")
        for name in _OF_LABELS:
            if name in self.evaluate.model_fields_set:
                instead = "; max_rise is its like" if name == "max_drop" else "; max_mae and max_rmse are its like"
                raise ValueError(f"evaluate.{name} is not of a regression{instead}")
        for name, section in (("accuracy", Accuracy), ("auc", Auc)):
            if self.acceptance.section(section) is not None:
                raise ValueError(f"acceptance.{name} is not of a regression; acceptance.mae is")

    @property
    def is_regression(self) -> bool:
        """Whether the model is to answer real values."""
        return self.data.target is not None

    @property
    def class_names(self) -> list[str]:
        """Name of each class, in the order of the indices; empty for a regression."""
        return self.data.classes or []

    @property
    def slices(self) -> tuple[str, ...]:
        """Features whose every value is a slice of the evaluation."""
        if self.evaluate.slices is not None:
            return tuple(self.evaluate.slices)
        natural = self.data.group if self.is_regression else self.data.class_field
        return () if natural is None else (natural,)

    def load_profile(self) -> BoardProfile:
        """The board profile.

        Raises:
            TinyopsError: there is none, or it is wrong.
        """
        return load_profile(self.board_profile)


def load_config(path: Path) -> PipelineConfig:
    """Read and check a project file. Paths in it count from its folder.

    Raises:
        TinyopsError: the file is missing, unreadable or not YAML, a key is unknown, or a value is wrong.
    """
    if not exists(path, f"config file {path}"):
        raise TinyopsError(f"config file {path} does not exist", remedy="give the path of a tinyops.yaml")
    contents = read_yaml(path, f"config file {path}")
    try:
        return _model(contents, path).model_validate(contents, context={"folder": resolved(path).parent})
    except ValidationError as error:
        raise describe_validation_error(error, str(path)) from error


def _model(contents: object, path: Path) -> type[PipelineConfig]:
    """The model of a file: what `data` may have depends on its kind, which an installed package may have brought."""
    data = contents.get("data") if isinstance(contents, dict) else None
    kind = data.get("kind", "arrays") if isinstance(data, dict) else "arrays"
    try:
        section = source_class(str(kind)).Section
    except TinyopsError as error:
        raise TinyopsError(f"{path}: {error.message}", remedy=error.remedy) from error
    return create_model(PipelineConfig.__name__, __base__=PipelineConfig, data=(section, ...))
