"""The one YAML file that describes a project."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    Field,
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
from edge_deployer.task import Threshold
from edge_deployer.task_name import DEFAULT_THRESHOLD
from pipeline.project.beam_section import BeamSection
from pipeline.project.ci_settings import CiSection
from pipeline.project.kubeflow_settings import KubeflowSection

DEFAULT_CONFIG: Final = Path(__file__).parents[1] / "templates" / "digits" / "tinyops.yaml"


def _taken_by_kubeflow(name: str) -> str:
    """A name that may be Kubeflow's in small letters and with hyphens for underscores."""
    if not re.fullmatch(r"[A-Za-z]([A-Za-z0-9_-]*[A-Za-z0-9])?", name):
        raise ValueError(
            "letters, digits, hyphens and underscores are wanted, a letter first, a letter or a digit last"
        )
    return name


# No longer than what Kubeflow takes.
Name = Annotated[str, StringConstraints(max_length=128), AfterValidator(_taken_by_kubeflow)]


class TrainSection(Section):
    """The user's code, and what it finds in `custom_config`.

    Attributes:
        module: with `run_fn`.
        preprocessing: with `preprocessing_fn`, if it is not in `module`, whose edits then do not run Transform again.
        epochs: for `run_fn`.
        seed: for both.
    """

    module: ConfigPath
    preprocessing: ConfigPath | None = None
    epochs: PositiveInt = 40
    seed: Annotated[int, Field(ge=0)] = 0


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
    slices: list[FeatureName] | None = None  # Features whose every value is a slice; None means the label.
    min_slice_accuracy: Share | None = None  # Least accuracy on every slice; None asks for none.


class DeploySection(Section):
    """How a release reaches boards."""

    inventory: ConfigPath | None = None  # File with the boards; None means virtual boards.
    release_version: str = "0.1.0"  # Version of the release, ``major.minor.revision``.
    signing_key: ConfigPath | None = None  # Ed25519 private key in PEM; None means a key made for the workspace.


class PipelineConfig(Section):
    """A project: its data, its training code, and what a model must reach."""

    name: Name  # Of the pipeline; runs with the same name and workspace share cache and baseline.
    data: DataSection
    data_gates: DataGates = DataGates()  # When data is no good to train on.
    train: TrainSection
    convert: ConvertSection = ConvertSection()
    evaluate: EvaluateSection = EvaluateSection()
    # What the model is for: ``classification`` (the greatest of several outputs), ``binary`` (one output, class 1 over
    # `evaluate.threshold`) or ``anomaly`` (one output is the score, or the model gives its input back); None: as
    # classes and output show it.
    task: Literal["classification", "binary", "anomaly"] | None = None
    board_profile: str = "cortex-m4"  # A shipped profile's name or a `.yaml` file.
    acceptance: AcceptancePlan = AcceptancePlan()  # What boards are asked.
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
        classes, evaluate, acceptance = len(self.data.classes or ()), self.evaluate, self.acceptance
        if self.task in ("binary", "anomaly") and classes != 2:
            raise ValueError(f"task {self.task} has two classes, not {classes}; see data.classes")
        may_be_binary = classes == 2 and self.task in (None, "binary")
        for name in ("min_recall", "min_precision"):
            if getattr(evaluate, name) is not None and not may_be_binary:
                raise ValueError(f"evaluate.{name} is of a binary task; this one is {self.task or 'classification'}")
        if acceptance.section(Auc) is not None and (classes != 2 or self.task == "classification"):
            raise ValueError("acceptance.auc is of a binary task or an anomaly detection; this one is classification")
        if acceptance.section(Accuracy) is not None and self.task == "anomaly":
            raise ValueError("acceptance.accuracy is of classes; this task is anomaly")
        if acceptance.section(Mae) is not None:
            raise ValueError("acceptance.mae is of a regression, which `tinyops push` takes; a project has labels")
        return self

    @property
    def slices(self) -> tuple[str, ...]:
        """Features whose every value is a slice of the evaluation."""
        if self.evaluate.slices is not None:
            return tuple(self.evaluate.slices)
        return () if self.data.label is None or self.data.classes is None else (self.data.label,)

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
        return _model(contents).model_validate(contents, context={"folder": resolved(path).parent})
    except ValidationError as error:
        raise describe_validation_error(error, str(path)) from error


def _model(contents: object) -> type[PipelineConfig]:
    """The model of a file: what `data` may have depends on its kind, which an installed package may have brought."""
    data = contents.get("data") if isinstance(contents, dict) else None
    kind = data.get("kind", "arrays") if isinstance(data, dict) else "arrays"
    section = source_class(str(kind)).Section
    return create_model(PipelineConfig.__name__, __base__=PipelineConfig, data=(section, ...))
