"""What TFX is told instead of what Kubeflow's launcher says, and the way back. Nothing of TFX is imported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.errors import TinyopsError
from pipeline.kubeflow.step import ml_metadata, mounts
from pipeline.kubeflow.step.executor_input import ExecutorInput, InputDefinitions, for_tfx, make_folders, parse
from pipeline.kubeflow.step.executor_output import finish, for_launcher
from tests.pipeline.kubeflow.back_end_fixtures import RELEASES, WITHOUT_ML_METADATA, kept

ROOT = "minio://bucket/line"

scheme = st.sampled_from(["minio://", "s3://", "gs://"])
part = st.text("abz09-_.", min_size=1).filter(lambda text: text.strip("."))
uris = st.builds(lambda start, parts: start + "/".join(parts), scheme, st.lists(part, min_size=1))
folders = st.lists(part).map(lambda parts: Path("/", *parts))
# What TFX writes: ML Metadata has no other values.
values = st.one_of(
    st.integers(-(2**53), 2**53).map(float),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    uris,
    st.lists(st.text()),
    st.dictionaries(st.text(), st.booleans()),
)
metadata = st.dictionaries(st.text(min_size=1), values).filter(
    lambda found: not {"display_name", "store_session_info"} & set(found)
)


def inputs(*artifacts: dict[str, Any]) -> ExecutorInput:
    said = {
        "inputs": {"artifacts": {"given": {"artifacts": list(artifacts)}}},
        "outputs": {"outputFile": "/tmp/out.json"},
    }
    return parse(ExecutorInput, json.dumps(said), "the executor input")


def outputs(folder: Path, **types: dict[str, Any]) -> ExecutorInput:
    artifacts = {key: {"artifacts": [{"uri": f"{ROOT}/{key}", "type": kind}]} for key, kind in types.items()}
    said = {"outputs": {"outputFile": str(folder / "out.json"), "artifacts": artifacts}}
    return parse(ExecutorInput, json.dumps(said), "the executor input")


def definitions(**types: dict[str, Any]) -> InputDefinitions:
    said = {"artifacts": {key: {"artifactType": kind} for key, kind in types.items()}}
    return parse(InputDefinitions, json.dumps(said), "the definitions")


@given(uris, folders)
def test_what_has_a_local_path_is_found_again(uri: str, root: Path) -> None:
    path = mounts.local_path(uri, root)
    assert Path(path).is_relative_to(root)
    assert mounts.store_uri(path, root) == uri


@given(st.sampled_from(["", "/srv/data.npz", "https://example.com/x", "minio:/x", "data/minio/x"]))
def test_what_lies_in_no_store_stays_what_it_is(text: str) -> None:
    assert mounts.local_path(text, Path("/")) == text
    assert mounts.store_uri(text, Path("/")) == text


def test_the_launchers_folders_are_where_it_puts_them() -> None:
    assert mounts.local_path("minio://bucket/x") == "/minio/bucket/x"
    assert mounts.local_path("s3://bucket/x") == "/s3/bucket/x"
    assert mounts.local_path("gs://bucket/x") == "/gcs/bucket/x"


@given(metadata)
def test_metadata_comes_back_through_kubeflow_as_it_was(written: dict[str, Any]) -> None:
    """One step's ExecutorOutput, ML Metadata, the next step's ExecutorInput."""
    written = {name: mounts.local_path(value) if isinstance(value, str) else value for name, value in written.items()}
    output = for_launcher({"artifacts": {"made": {"artifacts": [{"uri": "/minio/bucket/x", "metadata": written}]}}})
    (artifact,) = output["artifacts"]["made"]["artifacts"]
    assert artifact["uri"] == "minio://bucket/x"
    told = ml_metadata.recorded("made", artifact["uri"], artifact["metadata"], 7, {})
    adapted = for_tfx(inputs(told), definitions(given={"schemaTitle": "tfx.Model"}), {})
    (found,) = adapted.inputs.artifacts["given"].artifacts
    assert found.metadata == written
    assert found.uri == "/minio/bucket/x"


@pytest.mark.parametrize("release", [*RELEASES, WITHOUT_ML_METADATA])
def test_tfx_is_told_the_same_whatever_the_release(release: str) -> None:
    told = parse(ExecutorInput, json.dumps(kept(release)["executor_input"]), "the executor input")
    adapted = for_tfx(told, definitions(given={"schemaTitle": "tfx.Model"}), {"system.Model": "ours.Model"})
    (given_,) = adapted.inputs.artifacts["given"].artifacts
    (made,) = adapted.outputs.artifacts["made"].artifacts
    assert set(adapted.outputs.artifacts) == {"made"}
    assert given_.uri == "/minio/bucket/line/small/run-1/producer/1/made"
    assert made.uri == "/minio/bucket/line/small/run-1/task/salt/made"
    assert given_.metadata == kept("task")["input_written"]
    assert made.metadata == {"format": "x"}
    assert (given_.type, made.type) == ({"schemaTitle": "tfx.Model"}, {"schemaTitle": "ours.Model"})
    assert given_.name != made.name
    assert adapted.inputs.parameter_values == {**kept("task")["given"], "left": "default"}
    assert adapted.outputs.output_file == told.outputs.output_file


def test_a_value_that_is_null_is_left_out() -> None:
    output = for_launcher({"artifacts": {"made": {"artifacts": [{"uri": "/x", "metadata": {"a": None, "b": 0}}]}}})
    assert output["artifacts"]["made"]["artifacts"] == [{"uri": "/x", "metadata": {"b": 0}}]


@pytest.mark.parametrize(
    ("said", "declared", "title"),
    [
        ({"instanceSchema": ""}, {"instanceSchema": "title: tfx.Examples\ntype: object\n"}, "tfx.Examples"),
        ({}, {"schemaTitle": "tfx.Schema", "schemaVersion": "0.0.1"}, "tfx.Schema"),
        ({"schemaTitle": "system.Dataset"}, {"schemaTitle": "tfx.Examples"}, "tfx.Examples"),
        ({"schemaTitle": "system.HTML"}, {}, "ours.HtmlReport"),
        ({"instanceSchema": ""}, {"instanceSchema": "title: tinyops.Report\n"}, "ours.Report"),
    ],
)
def test_an_input_has_the_type_that_its_component_declares(
    said: dict[str, Any], declared: dict[str, Any], title: str
) -> None:
    ours = {"system.HTML": "ours.HtmlReport", "tinyops.Report": "ours.Report"}
    adapted = for_tfx(inputs({"uri": "s3://b/x", "type": said}), definitions(given=declared), ours)
    assert adapted.inputs.artifacts["given"].artifacts[0].type == {"schemaTitle": title}


def test_an_artifact_of_no_type_is_named() -> None:
    with pytest.raises(TinyopsError, match="artifact 'given' has no type"):
        for_tfx(inputs({"uri": "s3://b/x", "type": {"instanceSchema": ""}}), InputDefinitions(), {})


def test_artifacts_have_names_that_tell_them_apart(tmp_path: Path) -> None:
    model = {"schemaTitle": "tfx.Model"}
    adapted = for_tfx(outputs(tmp_path, one=model, other=model), InputDefinitions(), {})
    names = {listed.artifacts[0].name for listed in adapted.outputs.artifacts.values()}
    assert len(names) == 2
    assert "" not in names
    kept = for_tfx(inputs({"uri": "s3://b/x", "name": "12", "type": model}), InputDefinitions(), {})
    assert kept.inputs.artifacts["given"].artifacts[0].name == "12"


def test_the_log_that_kubeflow_keeps_is_no_output_of_the_component(tmp_path: Path) -> None:
    given_ = outputs(
        tmp_path, **{"executor-logs": {"schemaTitle": "system.Artifact"}, "x": {"schemaTitle": "tfx.Model"}}
    )
    assert set(for_tfx(given_, InputDefinitions(), {}).outputs.artifacts) == {"x"}


def test_empty_inputs_and_outputs_are_folders_and_a_file_stays_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(mounts.VARIABLE, str(tmp_path))
    page = tmp_path / "s3" / "b" / "page"
    page.parent.mkdir(parents=True)
    page.write_text("<p>")
    model = {"schemaTitle": "tfx.Model"}
    given_ = inputs({"uri": "s3://b/page", "type": model}, {"uri": "s3://b/empty", "type": model})
    make_folders(for_tfx(given_, InputDefinitions(), {}))
    assert page.read_text() == "<p>"
    assert (tmp_path / "s3" / "b" / "empty").is_dir()


@pytest.mark.parametrize("files", [[], ["a.html", "b.html"]])
def test_a_folder_without_exactly_one_file_stays_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: list[str]
) -> None:
    monkeypatch.setenv(mounts.VARIABLE, str(tmp_path))
    page = tmp_path / "minio" / "bucket" / "root" / "page"
    page.mkdir(parents=True)
    for file in files:
        (page / file).touch()
    (tmp_path / "out.json").write_text("{}")
    finish(outputs(tmp_path, page={"schemaTitle": "system.HTML"}))
    assert sorted(path.name for path in page.iterdir()) == files
