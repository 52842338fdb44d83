from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer
import yaml
from typer.testing import CliRunner, Result

from edge_deployer.errors import TinyopsError
from pipeline.cli.register import register
from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
from pipeline.registration.content import Content
from tests.pipeline.compiled_pipeline import write_pipeline
from tests.pipeline.git_project import git

COMMAND = typer.Typer()
COMMAND.command()(register)
TEXT = {"type": "string"}
METADATA = {
    "type": "object",
    "properties": {"name": {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"}, "namespace": TEXT},
    "required": ["name"],
    "additionalProperties": False,
}


def schema(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    """The CRD's openAPIV3Schema (manifests/kustomize/base/crds), closed: Kubernetes refuses or drops unknown fields."""
    head = {"apiVersion": {"const": "pipelines.kubeflow.org/v2beta1"}, "kind": {"const": kind}, "metadata": METADATA}
    return {
        "type": "object",
        "properties": {**head, "spec": {"type": "object", "additionalProperties": False, **spec}},
        "required": [*head, "spec"],
        "additionalProperties": False,
    }


PIPELINE = schema("Pipeline", {"properties": {"description": TEXT}})
PIPELINE_VERSION = schema(
    "PipelineVersion",
    {
        "properties": {
            **dict.fromkeys(["codeSourceURL", "description", "displayName", "pipelineName", "pipelineSpecURI"], TEXT),
            "pipelineSpec": {"type": "object"},
            "platformSpec": {"type": "object"},
        },
        # The CRD requires pipelineSpec, the API server's webhook the pipeline's name as well.
        "required": ["pipelineSpec", "pipelineName"],
    },
)


def write(compiled: Path, folder: Path, *options: str) -> Result:
    return CliRunner().invoke(COMMAND, [str(compiled), "--custom-resources", str(folder), *options])


def error(result: Result) -> TinyopsError:
    assert isinstance(result.exception, TinyopsError), result.exception
    return result.exception


@pytest.mark.parametrize("platform", [True, False])
def test_the_objects_are_what_the_definitions_allow(compiled: Path, tmp_path: Path, platform: bool) -> None:
    write_pipeline(compiled, platform=platform)
    result = write(compiled, tmp_path / "gitops", "--version", "v1", "--namespace", "team-a", "--json")
    outcome = json.loads(result.stdout)
    pipeline, version = (yaml.safe_load(Path(outcome[key]).read_text()) for key in ("pipeline_file", "version_file"))
    jsonschema.validate(pipeline, PIPELINE)
    jsonschema.validate(version, PIPELINE_VERSION)
    assert pipeline["metadata"] == {"name": "digits", "namespace": "team-a"}
    assert version["metadata"] == {"name": "digits-v1", "namespace": "team-a"}
    assert (version["spec"]["pipelineName"], version["spec"]["displayName"]) == ("digits", "v1")
    carried = PipelineFile(version["spec"]["pipelineSpec"], version["spec"].get("platformSpec", {}))
    assert Content.of_file(carried) == Content.of_file(PipelineFile.load(compiled))


def test_the_version_is_the_commit_and_no_server_is_asked(compiled: Path, tmp_path: Path) -> None:
    commit = git(compiled.parent, "rev-parse", "HEAD")
    result = write(compiled, tmp_path / "gitops")
    assert result.stdout.splitlines()[0] == f"written: digits, version {commit}"
    assert [path.name for path in sorted((tmp_path / "gitops").iterdir())] == [
        "digits.pipeline.yaml",
        f"digits.version-{commit}.yaml",
    ]


def test_the_same_input_gives_the_same_bytes(compiled: Path, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write(compiled, tmp_path / folder, "--version", "v1")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    assert "unchanged" in write(compiled, tmp_path / "one", "--version", "v1").stdout


def test_a_version_with_other_content_is_an_error_and_nothing_is_written(compiled: Path, tmp_path: Path) -> None:
    write(compiled, tmp_path / "gitops", "--version", "v1")
    before = {path: path.read_bytes() for path in (tmp_path / "gitops").iterdir()}
    write_pipeline(compiled, image="registry.example.com/train:2")
    assert "other content" in error(write(compiled, tmp_path / "gitops", "--version", "v1")).message
    assert {path: path.read_bytes() for path in (tmp_path / "gitops").iterdir()} == before


@pytest.mark.parametrize("options", [["--name", "Digits"], ["--version", "v1_2"], ["--version", "v" * 260]])
def test_a_name_that_kubernetes_does_not_take_is_an_error(compiled: Path, tmp_path: Path, options: list[str]) -> None:
    result = write(compiled, tmp_path / "gitops", "--version", "v1", *options)
    assert "cannot name an object in Kubernetes" in error(result).message
    assert not (tmp_path / "gitops").exists()


def test_a_folder_that_cannot_be_made_is_an_error(compiled: Path) -> None:
    assert "cannot be made" in error(write(compiled, compiled / "gitops", "--version", "v1")).message


def test_a_folder_that_cannot_be_made_is_named_and_no_option_that_there_is_not(compiled: Path) -> None:
    assert "--workspace" not in error(write(compiled, compiled / "gitops", "--version", "v1")).remedy


@pytest.mark.parametrize("name", ["digits.pipeline.yaml", "digits.version-v1.yaml"])
def test_a_folder_where_a_file_belongs_is_an_error(compiled: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "gitops" / name).mkdir(parents=True)
    assert f"{name} cannot be written" in error(write(compiled, tmp_path / "gitops", "--version", "v1")).message
    assert not list((tmp_path / "gitops").glob("*.part"))
