"""`tinyops register`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from edge_deployer.cli import output
from edge_deployer.errors import TinyopsError

if TYPE_CHECKING:
    from pipeline.kubeflow.compilation.pipeline_file import PipelineFile


def register(
    pipeline: Annotated[Path, typer.Argument(help="The compiled pipeline: `tinyops compile -o pipeline.yaml`.")],
    host: Annotated[
        Optional[str],  # noqa: UP045 - typer reads the annotation at run time, on Python 3.10
        typer.Option(help="The API server, e.g. http://localhost:8888; without it, KF_PIPELINES_ENDPOINT says."),
    ] = None,
    name: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Name of the pipeline; default: the compiled file's."),
    ] = None,
    version: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Name of the version; without it, the git commit that has the file, or that --config is at."),
    ] = None,
    config: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="The project's tinyops.yaml, for a file that is not in git: it must compile to the file."),
    ] = None,
    namespace: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Whose pipeline it is, where Kubeflow has several users; of the custom resources too."),
    ] = None,
    custom_resources: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Write `Pipeline` and `PipelineVersion` objects to this folder instead; no server is asked."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Register a compiled pipeline and a version of it with Kubeflow Pipelines.

    Doing it again changes nothing. A version never changes either: if it is there with other content, that is an
    error. Nothing is left half registered.

    A token is read from the file that KF_PIPELINES_SA_TOKEN_PATH names.

    Exit status: 0 registered or unchanged, 1 an error, 130 stopped by Ctrl-C, 143 by SIGTERM.
    """
    # kfp takes a second that `tinyops --help` need not pay.
    from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
    from pipeline.registration.origin import commit_of

    file = PipelineFile.load(pipeline)
    _require_name(file, pipeline)
    version = version or commit_of(pipeline, file, config)
    if custom_resources is None:
        outcome = _on_server(file, pipeline, host, namespace, name=name, version=version)
    else:
        outcome = _as_files(file, custom_resources, namespace, name=name, version=version)
    _show(outcome, as_json=as_json)


def _require_name(file: PipelineFile, path: Path) -> None:
    name = file.spec["pipelineInfo"].get("name")
    if not (isinstance(name, str) and name):
        raise TinyopsError(
            f"{path}: pipelineInfo.name is missing", remedy="make the file with `tinyops compile -o pipeline.yaml`"
        )


def _on_server(
    file: PipelineFile, path: Path, host: str | None, namespace: str | None, *, name: str | None, version: str
) -> dict[str, str]:
    from dataclasses import asdict

    from pipeline.registration.api_server import ApiServer
    from pipeline.registration.registrar import register as register_on

    return asdict(register_on(ApiServer(host, namespace), file, path, version=version, name=name))


def _as_files(
    file: PipelineFile, folder: Path, namespace: str | None, *, name: str | None, version: str
) -> dict[str, str]:
    from pipeline.registration.custom_resources import write_custom_resources

    written = write_custom_resources(file, folder, version=version, name=name, namespace=namespace)
    return {
        "outcome": written.outcome,
        "pipeline": name or file.name,
        "version": version,
        "pipeline_file": str(written.pipeline),
        "version_file": str(written.version),
    }


def _show(outcome: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        output.print_json(outcome)
        return
    typer.echo(f"{outcome['outcome']}: {outcome['pipeline']}, version {outcome['version']}")
    for label, key in (("page", "url"), ("pipeline", "pipeline_file"), ("version", "version_file")):
        if key in outcome:
            typer.echo(f"  {label}: {outcome[key]}")
