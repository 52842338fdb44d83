"""Component files: what kfp makes of them, and what TFX's compiler would have written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from google.protobuf import json_format
from kfp import components
from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from pipeline.kubeflow.compilation.compiler import compile_project
from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
from pipeline.kubeflow.step import executor_input
from pipeline.kubeflow.step.executor_input import ExecutorInput, InputDefinitions, for_tfx, type_title
from pipeline.kubeflow.verification.parsed_pipeline import parse
from pipeline.project.component_names import COMPONENTS
from pipeline.project.config import DEFAULT_CONFIG
from tests.pipeline.catalogue.conftest import IMAGE

if TYPE_CHECKING:
    from pipeline.catalogue.interface import Interface


def container(spec: dict[str, Any]) -> dict[str, Any]:
    (executor,) = spec["deploymentSpec"]["executors"].values()
    return executor["container"]


@pytest.mark.parametrize("name", COMPONENTS)
def test_kfp_loads_it_with_the_interface_of_the_component(
    name: str, exported: Path, interfaces: dict[str, Interface]
) -> None:
    from pipeline.catalogue.interface import NOT_CACHEABLE

    component = interfaces[name]
    loaded = components.load_component_from_file(str(exported / f"{name}.yaml")).component_spec
    kinds = {"STRING": "String", "NUMBER_INTEGER": "Integer", "NUMBER_DOUBLE": "Float", "BOOLEAN": "Boolean"}
    assert {key: (one.type, one.optional, one.default) for key, one in (loaded.inputs or {}).items()} == {
        **{one.name: (f"{one.kubeflow_type}@0.0.1", one.optional, None) for one in component.inputs},
        **{one.name: (kinds[one.type], one.optional, one.default) for one in component.parameters},
    }
    outputs = {key: one.type for key, one in (loaded.outputs or {}).items()}
    assert outputs == {one.name: f"{one.kubeflow_type}@0.0.1" for one in component.outputs}
    notes = [] if component.cacheable else [NOT_CACHEABLE]
    assert loaded.description.splitlines() == [*component.description, *notes]


@pytest.mark.parametrize("name", COMPONENTS)
def test_it_is_a_pipeline_spec_in_which_everything_is_described(
    name: str, exported: Path, interfaces: dict[str, Interface]
) -> None:
    file = PipelineFile.load(exported / f"{name}.yaml")
    parsed, misfits = parse(file)
    assert (misfits.spec, misfits.deployment, misfits.platform) == ((), (), ())
    assert parsed.spec.schema_version == "2.1.0"
    (component,) = parsed.spec.components.values()
    given = component.input_definitions
    told = {key: one.description for key, one in (*given.parameters.items(), *given.artifacts.items())}
    expected = {one.name: one.description for one in (*interfaces[name].inputs, *interfaces[name].parameters)}
    assert told == expected
    made = {key: one.description for key, one in component.output_definitions.artifacts.items()}
    assert made == {one.name: one.description for one in interfaces[name].outputs}


@pytest.mark.parametrize("name", COMPONENTS)
def test_the_same_component_and_image_give_the_same_bytes(
    name: str, exported: Path, interfaces: dict[str, Interface]
) -> None:
    from pipeline.catalogue.component_file import to_yaml

    assert (exported / f"{name}.yaml").read_text() == to_yaml(interfaces[name], IMAGE)


@pytest.fixture(scope="module")
def by_tfx() -> dict[str, Any]:
    """The default project, compiled by TFX."""
    return compile_project(DEFAULT_CONFIG).spec


@pytest.mark.parametrize("name", COMPONENTS)
def test_the_step_is_told_what_tfx_tells_it(name: str, exported: Path, by_tfx: dict[str, Any]) -> None:
    own = container(yaml.safe_load((exported / f"{name}.yaml").read_text()))
    step = by_tfx["components"][name]
    tfx = by_tfx["deploymentSpec"]["executors"][step["executorLabel"]]["container"]
    assert own["image"] == IMAGE
    assert own["command"] == tfx["command"]
    own_definitions, tfx_definitions = json.loads(own["args"].pop(5)), json.loads(tfx["args"].pop(5))
    on_beam = own["args"][5:]
    assert own["args"][:5] == tfx["args"][:5]
    assert on_beam in ([], tfx["args"][5:])
    json_format.ParseDict(own_definitions, pb.ComponentInputsSpec())
    for key, definition in tfx_definitions.get("artifacts", {}).items():
        assert type_title(own_definitions["artifacts"][key]["artifactType"]) == type_title(definition["artifactType"])
    for key, definition in step.get("outputDefinitions", {}).get("artifacts", {}).items():
        assert type_title(own_definitions["artifacts"][key]["artifactType"]) == type_title(definition["artifactType"])
    for key, definition in tfx_definitions.get("parameters", {}).items():
        assert own_definitions["parameters"][key]["parameterType"] == definition["parameterType"]


def test_beam_runs_in_the_process_of_those_steps_that_use_it(exported: Path) -> None:
    on_beam = {name for name in COMPONENTS if "in_memory" in (exported / f"{name}.yaml").read_text()}
    assert on_beam == {"SensorExampleGen", "StatisticsGen", "Transform", "TFLMEvaluator"}


def test_the_step_gets_the_types_that_kubeflow_does_not_know(exported: Path) -> None:
    arguments = container(yaml.safe_load((exported / "TFLMValidator.yaml").read_text()))["args"]
    # One input as ML Metadata has it, and one as an importer leaves it.
    inputs = {"examples": {"instanceSchema": ""}, "model": {"schemaTitle": "system.Model"}}
    outputs = {"acceptance_set": {"schemaTitle": "system.Artifact"}}
    given = {
        "inputs": {"artifacts": {name: _listed(name, kind) for name, kind in inputs.items()}},
        "outputs": {"outputFile": "x", "artifacts": {name: _listed(name, kind) for name, kind in outputs.items()}},
    }
    told = for_tfx(
        executor_input.parse(ExecutorInput, json.dumps(given), "input"),
        executor_input.parse(InputDefinitions, arguments[5], "definitions"),
        {},
    )
    everything = {**told.inputs.artifacts, **told.outputs.artifacts}
    assert {name: type_title(one.artifacts[0].type) for name, one in everything.items()} == {
        "examples": "tfx.Examples",
        "model": "tfx.Model",
        "acceptance_set": "tinyops.AcceptanceSet",
    }


def _listed(name: str, kind: dict[str, str]) -> dict[str, Any]:
    return {"artifacts": [{"uri": f"minio://bucket/{name}", "type": kind}]}
