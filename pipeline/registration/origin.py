"""Which commit a compiled pipeline is of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edge_deployer.errors import TinyopsError
from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
from pipeline.registration.repository import Repository

if TYPE_CHECKING:
    from pipeline.project.config import TrainSection


def commit_of(path: Path, file: PipelineFile, config_file: Path | None) -> str:
    """The commit that a compiled file is of: one that has the file itself, or a project that compiles to it.

    Args:
        path: the file.
        file: what is in it.
        config_file: the project; None if the file itself must be in git.

    Raises:
        TinyopsError: git has no answer, the commit does not say what is in the file, or the project does not compile.
    """
    if config_file is None:
        return _commit_with(path)
    from pipeline.project.config import load_config

    repository = Repository.around(config_file.resolve().parent)
    repository.require_committed()
    repository.require_tracked(project_files(config_file, load_config(config_file).train))
    _require_compiled_from(config_file, path, file)
    return repository.commit


def project_files(config_file: Path, train: TrainSection) -> list[Path]:
    """The files that decide what a project's version does: its config, and the user's code with what it imports.

    Raises:
        TinyopsError: as `UserModule.load`.
    """
    from pipeline.project.user_module import UserModule

    return [config_file, *UserModule.load(train.module, train.preprocessing).sources]


def _commit_with(path: Path) -> str:
    repository = Repository.around(path.resolve().parent)
    repository.require_committed()
    if repository.untracked([path]):
        raise TinyopsError(
            f"{path} is not in git: commit {repository.commit[:12]} does not say what is in it",
            remedy="name the project that it was compiled from with --config, or the version with --version",
        )
    return repository.commit


def _require_compiled_from(config_file: Path, path: Path, file: PipelineFile) -> None:
    # Seconds of imports.
    from pipeline.project import quiet_libraries
    from pipeline.registration.content import Content

    quiet_libraries.hush()
    from pipeline.kubeflow.compilation.compiler import compile_project

    if Content.of_file(compile_project(config_file, image=_image(file))) != Content.of_file(file):
        raise TinyopsError(
            f"{path} is not what {config_file} compiles to now",
            remedy=f"compile it again: `tinyops compile {config_file} --output {path}`",
        )


def _image(file: PipelineFile) -> str | None:
    """The image of every step, which `tinyops compile --image` may have given; None if there is more than one."""
    images = {executor.get("container", {}).get("image") for executor in file.executors.values()}
    return images.pop() if len(images) == 1 else None
