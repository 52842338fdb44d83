"""Everything that can be checked before TFX is imported, so that bad input is answered at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from components.sensor_example_gen.inspection import DividedData, divide, listed_warnings
from components.sensor_example_gen.reading import features_shape
from edge_deployer.acceptance.checks.accuracy import require_better_than_constant
from edge_deployer.acceptance.feasibility import (
    require_budgets,
    require_quorum,
    require_samples,
    samples_needed,
)
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.errors import TinyopsError
from edge_deployer.inventory.inventory import Inventory, board_profile, load_inventory
from edge_deployer.profile import BoardProfile
from edge_deployer.release.keys import environment_key, load_signing_key
from edge_deployer.release.version import check_version
from pipeline.project.beam_options import beam_args, require_job_server
from pipeline.project.config import PipelineConfig, load_config
from pipeline.project.data_source import data_file
from pipeline.project.schema_file import SCHEMA_FILE, read_schema
from pipeline.project.user_module import UserModule
from pipeline.project.workspace import Workspace

_LOOSE: Final = 0.1
"""Error rates that are offered where there is too little data for those of the plan."""


@dataclass(frozen=True)
class Project:
    """A project whose config and code make sense, wherever it is to run."""

    config_file: Path  # Where `config` was read.
    config: PipelineConfig  # The checked config.
    module: UserModule  # The user's training code.
    schema: str | None  # Text of the schema that the project keeps; None where it keeps none.

    @property
    def place(self) -> str:
        """Where its data is, on this machine, if it is."""
        return str(self.config.data.source)

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Of one sample as Transform gets it; None where neither `data` nor data on this machine shows it.

        Raises:
            TinyopsError: `data.features` takes no such samples.
        """
        return features_shape(self.config.data, self.place)

    @property
    def schema_file(self) -> Path:
        """Where the project keeps its schema, if it does."""
        return self.config_file.parent / SCHEMA_FILE

    def archives(self) -> dict[str, list[Path]]:
        """The source files that a release carries, by the name of their archive (`edge_deployer.release.bundle`)."""
        kept = [self.config_file] if self.schema is None else [self.config_file, self.schema_file]
        return {
            "model_source.tar.gz": [*self.module.sources, *kept],
            "preprocessing_source.tar.gz": list(self.module.preprocessing_sources),
            "tests.tar.gz": list(self.module.tests),
        }


@dataclass(frozen=True)
class RunnableProject(Project):
    """A project that may be run on this machine."""

    workspace: Workspace  # Where runs are kept.
    data_file: Path | str  # File or folder, or the URI of what lies in an object store.
    warnings: tuple[str, ...]  # What is odd about the data as far as its list shows, a sentence each.
    replace: bool = False  # Whether a release of another task may take production's place.

    @property
    def place(self) -> str:
        """Where its data is."""
        return str(self.data_file)


def load_project(config_file: Path) -> Project:
    """Check what can be checked without data, boards or keys.

    Raises:
        TinyopsError: something in the config or in the module is wrong, or Beam knows no such runner or option.
    """
    config = load_config(config_file)
    check_version(config.deploy.release_version)
    config.load_profile()
    beam_args(config.beam)
    return project_of(config_file, config)


def project_of(config_file: Path, config: PipelineConfig) -> Project:
    """A config with the module and the schema that belong to it.

    Raises:
        TinyopsError: something in the module is wrong, or the schema cannot be read.
    """
    module = UserModule.load(config.train.module, config.train.preprocessing)
    return Project(config_file, config, module, read_schema(config_file.parent / SCHEMA_FILE))


def prepare(config_file: Path, workspace: Workspace) -> RunnableProject:
    """Check a project that is to run on this machine.

    Raises:
        TinyopsError: something in the config, the data, the module or the files it names is wrong.
    """
    project = load_project(config_file)
    config = project.config
    require_job_server(config.beam)
    require_boards(config)
    require_key(config)
    path = data_file(config.data, workspace.data)
    data = divide(config.data, str(path))
    require_enough(config, data)
    warnings = tuple(listed_warnings(data, config.data))
    return RunnableProject(config_file, config, project.module, project.schema, workspace, path, warnings)


def require_boards(config: PipelineConfig) -> Inventory:
    """The boards of a project, which are enough, of the right kind, and have the budgets that the plan asks for.

    Raises:
        TinyopsError: they are not, or the inventory is wrong.
    """
    inventory = load_inventory(config.deploy.inventory)
    _require_staging_board(config, inventory)
    _require_stated_profiles(config, inventory)
    require_budgets(config.acceptance, inventory.profile_names)
    require_quorum(config.acceptance, inventory.wanted_staging)
    return inventory


def require_key(config: PipelineConfig) -> None:
    """See that the signing key, if the project names one or the environment has it, can be read.

    Raises:
        TinyopsError: it cannot.
    """
    if config.deploy.signing_key is not None:
        load_signing_key(config.deploy.signing_key)
    else:
        environment_key()


def require_enough(config: PipelineConfig, data: DividedData) -> None:
    """See that the acceptance plan can come to a verdict on what is held out, as far as the list of records shows.

    Raises:
        TinyopsError: it cannot; the message has the number of samples.
    """
    if data.listing.one_sample_each:
        _require_samples(config, {split: len(places) for split, places in data.splits.items()})
    if data.listing.labels is not None and (len(config.class_names) > 2 or config.task in ("classification", "binary")):
        held_out = data.listing.labels[data.splits["eval"]]
        require_better_than_constant(config.acceptance, np.bincount(held_out).tolist())


def _require_samples(config: PipelineConfig, samples: Mapping[str, int]) -> None:
    """Say it in the words of the data, and offer only what helps."""
    plan, has, labelled = config.acceptance, samples["eval"], not config.is_regression
    needed = _most_needed(plan, labelled=labelled)
    if has >= needed:
        require_samples(plan, has, labelled=labelled, computed=True)
        return
    buckets = config.data.splits.buckets
    in_all = sum(buckets.values()) / buckets["eval"]
    remedy = "collect more"
    if max(plan.alpha, plan.beta) < _LOOSE:
        loose = _most_needed(plan.model_copy(update={"alpha": _LOOSE, "beta": _LOOSE}), labelled=labelled)
        setting = f"`acceptance.alpha` and `beta` to {_LOOSE:g}"
        remedy += f", or set {setting}"
        if has < loose:
            remedy = f"collect more; if you set {setting}, {loose:,} are enough, about {loose * in_all:,.0f} in all"
    raise TinyopsError(
        f"eval has {has:,} samples; at these error rates {needed:,} are needed, about {needed * in_all:,.0f} in all",
        remedy=remedy,
    )


def _most_needed(plan: AcceptancePlan, *, labelled: bool) -> int:
    return max(samples_needed(plan, labelled=labelled, computed=True).values())


def _require_staging_board(config: PipelineConfig, inventory: Inventory) -> None:
    """A model is validated for one class of board: staging must have one of that class to try it on."""
    wanted = _limits(config.load_profile())
    staging = inventory.pool("staging")
    if not any(_limits(board_profile(board)) == wanted for board in staging):
        profiles = sorted({board.profile for board in staging})
        raise TinyopsError(
            f"board_profile {config.board_profile}: no staging board of {config.deploy.inventory or 'the inventory'} "
            f"has it; they have {', '.join(profiles)}",
            remedy=f"name the boards in deploy.inventory, or use board_profile: {profiles[0]}",
        )


def _require_stated_profiles(config: PipelineConfig, inventory: Inventory) -> None:
    """What a release would be refused for once it is made, is known before the training."""
    stated = config.deploy.profiles
    others = sorted(inventory.profile_names - set(stated)) if stated else []
    if stated and others:
        raise TinyopsError(
            f"deploy.profiles: releases are for boards of {' and '.join(stated)}, and "
            f"{config.deploy.inventory or 'the inventory'} has boards of {' and '.join(others)}",
            remedy="name these profiles, too, or leave their boards out of the inventory",
        )


def _limits(profile: BoardProfile) -> dict[str, object]:
    """Two profiles that differ only in what they are called, or in the framing on the line, are one class of board."""
    return profile.model_dump(exclude={"name", "description", "framing"})
