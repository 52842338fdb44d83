"""Everything that can be checked before TFX is imported, so that bad input is answered at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_deployer.acceptance.feasibility import require_budgets, require_quorum, require_samples
from edge_deployer.errors import TinyopsError
from edge_deployer.inventory.inventory import Inventory, board_profile, load_inventory
from edge_deployer.profile import BoardProfile
from edge_deployer.release.keys import load_signing_key
from edge_deployer.release.version import check_version
from pipeline.beam_options import beam_args, require_job_server
from pipeline.config import PipelineConfig, load_config
from pipeline.data_source import count_examples, data_file
from pipeline.user_module import UserModule
from pipeline.workspace import Workspace


@dataclass(frozen=True)
class Project:
    """A project whose config and code make sense, wherever it is to run.

    Attributes:
        config_file: where `config` was read.
        config: the checked config.
        module: the user's training code.
    """

    config_file: Path
    config: PipelineConfig
    module: UserModule

    def archives(self) -> dict[str, list[Path]]:
        """The source files that a release carries, by the name of their archive (`edge_deployer.release.bundle`).

        Transform and Trainer take their functions from one module, so its files are the source of both.
        """
        return {
            "model_source.tar.gz": [*self.module.sources, self.config_file],
            "preprocessing_source.tar.gz": list(self.module.sources),
            "tests.tar.gz": list(self.module.tests),
        }


@dataclass(frozen=True)
class Job(Project):
    """A project that may be run on this machine.

    Attributes:
        workspace: where runs are kept.
        data_file: the `.npz` file.
        replace: whether a release of another task may take production's place.
    """

    workspace: Workspace
    data_file: Path
    replace: bool = False


def load_project(config_file: Path) -> Project:
    """Check what can be checked without data, boards or keys.

    Raises:
        TinyopsError: something in the config or in the module is wrong, or Beam knows no such runner or option.
    """
    config = load_config(config_file)
    check_version(config.deploy.release_version)
    config.load_profile()
    beam_args(config.beam)
    return Project(config_file, config, UserModule.load(config.train.module))


def prepare(config_file: Path, workspace: Workspace) -> Job:
    """Check a project that is to run on this machine.

    Raises:
        TinyopsError: something in the config, the data, the module or the files it names is wrong.
    """
    project = load_project(config_file)
    config = project.config
    require_job_server(config.beam)
    inventory = load_inventory(config.deploy.inventory)
    _require_staging_board(config, inventory)
    require_budgets(config.acceptance, inventory.profile_names)
    require_quorum(config.acceptance, inventory.wanted_staging)
    if config.deploy.signing_key is not None:
        load_signing_key(config.deploy.signing_key)
    path = data_file(config.data, workspace.data)
    examples = count_examples(config.data, path)
    require_samples(config.acceptance, examples["eval"], labelled=True, reference=True)
    return Job(config_file, config, project.module, workspace, path)


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


def _limits(profile: BoardProfile) -> dict[str, object]:
    """Two profiles that differ only in what they are called are one class of board."""
    return profile.model_dump(exclude={"name", "description"})
