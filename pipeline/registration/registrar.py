"""Registers a compiled pipeline and a version of it, once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kfp_server_api import V2beta1Pipeline, V2beta1PipelineVersion

from edge_deployer.ending import Ended, waited_for
from edge_deployer.errors import TinyopsError
from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
from pipeline.registration.api_server import ApiServer, ApiServerError, display_name_filter
from pipeline.registration.content import Content


@dataclass(frozen=True)
class Registration:
    """A version on the server."""

    outcome: Literal["registered", "unchanged"]  # Whether this call put it there.
    pipeline: str  # Name of the pipeline.
    version: str  # Name of the version.
    pipeline_id: str  # The server's.
    version_id: str  # The server's.
    url: str  # Web page of the version.


def register(
    server: ApiServer, file: PipelineFile, path: Path, *, version: str, name: str | None = None
) -> Registration:
    """Make sure that a version with a file's content is on the server.

    Args:
        server: where.
        file: the compiled pipeline.
        path: where it was read from; uploaded as it is.
        version: name of the version.
        name: name of the pipeline; None takes the file's.

    Raises:
        TinyopsError: the file is wrong, or the version exists with other content; nothing was changed.
        ApiServerError: the server cannot be reached or refuses; nothing is half registered.
    """
    content = Content.of_file(file)
    name = name or file.name
    pipeline = _find_pipeline(server, name)
    if pipeline is None:
        return _register_first(server, path, file, content, name, version)
    existing = _find_version(server, pipeline, version)
    if existing is None:
        return _registration(server, "registered", pipeline, _upload(server, path, content, pipeline, version))
    if Content.of_version(existing.pipeline_spec) != content:
        raise TinyopsError(
            f"pipeline {name} has a version {version} with other content than {path}; nothing was changed",
            remedy="compile from the commit that the version names, or register under another --version",
        )
    return _registration(server, "unchanged", pipeline, existing)


def _register_first(
    server: ApiServer, path: Path, file: PipelineFile, content: Content, name: str, version: str
) -> Registration:
    """Two requests: the API's upload of both at once would name the version after the pipeline."""
    body = V2beta1Pipeline(
        display_name=name, description=file.spec["pipelineInfo"].get("description"), namespace=server.namespace
    )
    pipeline = server.call(server.client.pipelines, "create_pipeline", body)
    _require_id(server, pipeline.pipeline_id)
    try:
        uploaded = _upload(server, path, content, pipeline, version)
    except (ApiServerError, Ended) as error:
        with waited_for(f"the new pipeline {name} to be deleted again"):
            _delete_again(server, pipeline, version, error)
        if isinstance(error, Ended):
            error.left = f"the pipeline {name}, which this command made, is deleted again"
        raise
    return _registration(server, "registered", pipeline, uploaded)


def _delete_again(server: ApiServer, pipeline: V2beta1Pipeline, version: str, cause: BaseException) -> None:
    """Delete the pipeline that this process made, and the version should it have got there without an answer."""
    try:
        half = _find_version(server, pipeline, version)
        if half is not None:
            server.call(
                server.client.pipelines, "delete_pipeline_version", pipeline.pipeline_id, half.pipeline_version_id
            )
        server.call(server.client.pipelines, "delete_pipeline", pipeline.pipeline_id)
    except ApiServerError as error:
        why = cause.message if isinstance(cause, TinyopsError) else str(cause)
        raise TinyopsError(
            f"version {version} was not registered ({why}), and the new pipeline {pipeline.display_name} could not be "
            f"deleted again ({error.message})",
            remedy=f"run the command again: it goes on with the pipeline that is there ({pipeline.pipeline_id})",
        ) from error


def _find_pipeline(server: ApiServer, name: str) -> V2beta1Pipeline | None:
    listed = server.call(
        server.client.pipelines, "list_pipelines", namespace=server.namespace, filter=display_name_filter(name)
    )
    return next((pipeline for pipeline in listed.pipelines or [] if pipeline.display_name == name), None)


def _find_version(server: ApiServer, pipeline: V2beta1Pipeline, name: str) -> V2beta1PipelineVersion | None:
    listed = server.call(
        server.client.pipelines, "list_pipeline_versions", pipeline.pipeline_id, filter=display_name_filter(name)
    )
    return next((version for version in listed.pipeline_versions or [] if version.display_name == name), None)


def _upload(
    server: ApiServer, path: Path, content: Content, pipeline: V2beta1Pipeline, version: str
) -> V2beta1PipelineVersion:
    uploaded = server.call(
        server.client.pipeline_uploads,
        "upload_pipeline_version",
        str(path),
        name=version,
        pipelineid=pipeline.pipeline_id,
    )
    _require_id(server, uploaded.pipeline_version_id)
    _require_platform(server, path, content, uploaded)
    return uploaded


def _require_platform(server: ApiServer, path: Path, content: Content, uploaded: V2beta1PipelineVersion) -> None:
    """A back end that does not know a field of the platform document passes over all of it, without a word.

    kubeflow/pipelines, backend/src/apiserver/template/v2_template.go, IsPlatformSpecWithKubernetesConfig.
    """
    kept = Content.of_version(uploaded.pipeline_spec)
    if kept is None or kept.asks_of_kubernetes or not content.asks_of_kubernetes:
        return
    with waited_for(f"version {uploaded.display_name} to be deleted again"):
        server.call(
            server.client.pipelines, "delete_pipeline_version", uploaded.pipeline_id, uploaded.pipeline_version_id
        )
    raise ApiServerError(
        f"the Kubeflow Pipelines API server at {server.host} passed over the second document of {path}, which has a"
        " field that it does not know; the version is deleted again",
        remedy="leave out what it is too old for, such as kubeflow.ttl before 2.17: `tinyops verify` names it",
        status=200,
    )


def _require_id(server: ApiServer, identifier: str | None) -> None:
    """A login page answers every request with 200 and a page: the generated API makes an empty model of it."""
    if not identifier:
        raise ApiServerError(
            f"what {server.host} answers is not an answer of a Kubeflow Pipelines API server",
            remedy="check --host; behind a login page, give a token or a cookie",
            status=200,
        )


def _registration(
    server: ApiServer,
    outcome: Literal["registered", "unchanged"],
    pipeline: V2beta1Pipeline,
    version: V2beta1PipelineVersion,
) -> Registration:
    return Registration(
        outcome=outcome,
        pipeline=pipeline.display_name,
        version=version.display_name,
        pipeline_id=pipeline.pipeline_id,
        version_id=version.pipeline_version_id,
        url=server.pipeline_url(pipeline.pipeline_id, version.pipeline_version_id),
    )
