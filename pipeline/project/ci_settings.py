"""The section `ci` of a project."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from pipeline.project.kubeflow_settings import ObjectName

Command = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class CiSection(BaseModel):
    """What `tinyops ci` runs, and where it registers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # Commands, run one after the other at the top of the git repository, without a shell.
    lint: list[Command] = ["make lint"]
    test: list[Command] = ["make test"]  # Likewise.
    # Likewise, and each finds in TINYOPS_IMAGE the image that it helps to build and push; none leaves `kubeflow.image`
    # as it is.
    build: list[Command] = []
    # Files that are neither code nor data, as patterns of their paths from the top of the repository; `*` matches a
    # slash too.
    documentation: list[str] = ["docs/*", "*.md", "LICENSE*"]
    host: str | None = None  # The Kubeflow Pipelines API server; None leaves it to --host and KF_PIPELINES_ENDPOINT.
    namespace: str | None = None  # Of pipeline and runs, on a Kubeflow with several users.
    experiment: str | None = None  # That runs belong to; None takes the pipeline's name.
    service_account: ObjectName | None = None  # Of the pods of runs; None takes the back end's.
    verify_offline: bool = False  # Whether a check that needs a package index may be left out.
