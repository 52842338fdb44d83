"""Which image a project's steps run, where `tinyops ci` has it built."""

from __future__ import annotations

from dataclasses import dataclass

from components.sensor_example_gen.sources.places import is_uri
from components.sensor_example_gen.sources.section import BUILTIN_DIGITS
from pipeline.ci.changes import code_changed_since
from pipeline.ci.state import Revision, State
from pipeline.project.config import PipelineConfig
from pipeline.registration.repository import Repository

VARIABLE = "TINYOPS_IMAGE"
"""Where the commands of `ci.build` find the image that they build."""


@dataclass(frozen=True)
class Image:
    """The image of a delivery."""

    name: str | None  # With its tag; None leaves it to `kubeflow.image`.
    missing: bool  # Whether it has to be built first.


def image_for(config: PipelineConfig, repository: Repository, revision: Revision, state: State) -> Image:
    """The last image that was built, as long as what is in it did not change; else one with the commit as its tag."""
    if not config.ci.build or config.kubeflow is None:
        return Image(None, missing=False)
    built = state.image
    if built is not None and _is_current(built.revision, config, repository, revision):
        return Image(built.name, missing=False)
    return Image(tagged(config.kubeflow.image, repository.commit), missing=True)


def tagged(image: str, tag: str) -> str:
    """An image's name with another tag, in the place of its tag and digest."""
    name = image.partition("@")[0]
    registry, slash, last = name.rpartition("/")
    return f"{registry}{slash}{last.partition(':')[0]}:{tag}"


def _is_current(built: Revision, config: PipelineConfig, repository: Repository, revision: Revision) -> bool:
    if code_changed_since(built.commit, repository, config):
        return False
    return not _has_data(config) or built.data == revision.data


def _has_data(config: PipelineConfig) -> bool:
    """Whether steps read data that lies in the project's folder in the image."""
    source = config.data.source
    is_elsewhere = source == BUILTIN_DIGITS or is_uri(str(source))
    return config.kubeflow is not None and config.kubeflow.data_file is None and not is_elsewhere
