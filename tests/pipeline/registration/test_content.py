from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
from pipeline.registration.content import Content
from tests.pipeline.compiled_pipeline import write_pipeline


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> PipelineFile:
    return write_pipeline(tmp_path_factory.mktemp("pipeline") / "pipeline.yaml")


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to each value that is a text or a number."""
    if isinstance(value, dict):
        return [leaf for key, part in value.items() for leaf in leaves(part, (*path, key))]
    if isinstance(value, list):
        return [leaf for index, part in enumerate(value) for leaf in leaves(part, (*path, index))]
    return [path]


def stored(content: Content) -> Any:
    """What KFP's server gives back for a file."""
    return {
        "pipeline_spec": json_format.MessageToDict(content.spec),
        "platform_spec": json_format.MessageToDict(content.platform),
    }


def test_what_the_server_writes_anew_is_the_same(file: PipelineFile) -> None:
    content = Content.of_file(file)
    assert stored(content) != {"pipeline_spec": file.spec, "platform_spec": file.platform}
    assert Content.of_version(stored(content)) == content


def test_a_pipeline_that_asks_nothing_of_kubernetes_comes_back_alone(file: PipelineFile) -> None:
    content = Content.of_file(PipelineFile(file.spec))
    assert Content.of_version(json_format.MessageToDict(content.spec)) == content


def test_how_long_a_run_is_kept_is_content_too(file: PipelineFile) -> None:
    """kfp's messages here do not have it, and numbers come back as doubles."""

    def kept(config: dict[str, Any]) -> PipelineFile:
        return PipelineFile(file.spec, {"platforms": {"kubernetes": {**kubernetes, "pipelineConfig": config}}})

    kubernetes = file.platform["platforms"]["kubernetes"]
    content = Content.of_file(kept({"resourceTtlOnCompletion": 600}))
    version = stored(content)
    version["platform_spec"]["platforms"]["kubernetes"]["pipelineConfig"] = {"resourceTtlOnCompletion": 600.0}
    assert Content.of_version(version) == content
    version["platform_spec"]["platforms"]["kubernetes"]["pipelineConfig"] = {"resourceTtlOnCompletion": 601.0}
    assert Content.of_version(version) != content
    assert Content.of_file(kept({})) == Content.of_file(file) != content


@settings(max_examples=60)
@given(data=st.data())
def test_any_other_value_is_other_content(file: PipelineFile, data: st.DataObject) -> None:
    kept = stored(Content.of_file(file))
    places = [path for path in leaves(kept) if path[-1] not in ("parameterType", "artifactType")]
    *path, last = data.draw(st.sampled_from(places))
    changed = json.loads(json.dumps(kept))
    section = changed
    for key in path:
        section = section[key]
    section[last] = f"{section[last]} changed" if isinstance(section[last], str) else 999
    assert Content.of_version(changed) != Content.of_file(file)


@pytest.mark.parametrize("stored", [None, "text", {}, {"kind": "Workflow"}, {"pipeline_spec": {"unknown": 1}}])
def test_what_is_no_pipeline_is_never_the_same(file: PipelineFile, stored: Any) -> None:
    assert Content.of_version(stored) != Content.of_file(file)


def test_a_description_is_part_of_the_content(file: PipelineFile, tmp_path: Path) -> None:
    other = write_pipeline(tmp_path / "pipeline.yaml")
    other.spec["pipelineInfo"]["description"] = "Another"
    assert Content.of_file(other) != Content.of_file(file)
