"""What a component's interface says, against its class, and against what a TFX pipeline gives it."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message

from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.profile import BoardProfile
from pipeline.project.compatibility import ONLY_NEWER_INPUTS
from pipeline.project.component_names import COMPONENTS
from pipeline.project.config import DEFAULT_CONFIG
from pipeline.project.preflight import load_project

if TYPE_CHECKING:
    from tfx.dsl.components.base.base_component import BaseComponent
    from tfx.types.component_spec import ExecutionParameter

    from pipeline.catalogue.interface import Interface, Parameter


@pytest.fixture(scope="module")
def nodes() -> dict[str, BaseComponent]:
    """The components of the default project, by name, in order."""
    from pipeline.dag import Places, build_pipeline

    places = Places(**{place.name: "anywhere" for place in fields(Places)} | {"replace": 0})
    pipeline = build_pipeline(load_project(DEFAULT_CONFIG.resolve()), places, gate=True)
    return {node.id: node for node in pipeline.components}


def parameters(component: Interface) -> dict[str, Parameter]:
    return {parameter.name: parameter for parameter in component.parameters}


def declared(node: BaseComponent) -> dict[str, ExecutionParameter]:
    return node.SPEC_CLASS.PARAMETERS


def test_every_component_of_the_pipeline_is_in_the_catalogue(nodes: dict[str, BaseComponent]) -> None:
    assert set(nodes) == set(COMPONENTS)


@pytest.mark.parametrize("name", COMPONENTS)
def test_inputs_and_outputs_are_those_of_the_class(
    name: str, interfaces: dict[str, Interface], nodes: dict[str, BaseComponent]
) -> None:
    spec, component = nodes[name].SPEC_CLASS, interfaces[name]
    inputs = [key for key in spec.INPUTS if key not in ONLY_NEWER_INPUTS.get(name, ())]
    assert [one.name for one in component.inputs] == inputs
    assert [one.name for one in component.outputs] == list(spec.OUTPUTS)
    given = {key for key, channel in nodes[name].inputs.items() if channel is not None}
    required = {one.name for one in component.inputs if not one.optional}
    assert required <= given
    assert {key for key, channel in spec.INPUTS.items() if not channel.optional} <= required


@pytest.mark.parametrize("name", COMPONENTS)
def test_parameters_are_those_of_the_class_that_kubeflow_can_give(
    name: str, interfaces: dict[str, Interface], nodes: dict[str, BaseComponent]
) -> None:
    from components.fingerprint_driver import FINGERPRINT

    wanted = {key for key, one in declared(nodes[name]).items() if key != FINGERPRINT and not one.use_proto}
    assert set(parameters(interfaces[name])) == wanted
    types = {str: "STRING", int: "NUMBER_INTEGER", float: "NUMBER_DOUBLE", bool: "BOOLEAN"}
    for key, parameter in parameters(interfaces[name]).items():
        assert parameter.type == types.get(declared(nodes[name])[key].type, "STRING")


@pytest.mark.parametrize("name", COMPONENTS)
def test_what_is_not_required_the_class_fills_in_with_the_default_or_does_without(
    name: str, interfaces: dict[str, Interface], nodes: dict[str, BaseComponent]
) -> None:
    for key, parameter in parameters(interfaces[name]).items():
        value, kind = nodes[name].exec_properties.get(key), declared(nodes[name])[key].type
        if not parameter.optional:
            assert value is not None
        elif parameter.default is None:
            assert declared(nodes[name])[key].optional
        elif issubclass(kind, Message):
            assert json_format.Parse(parameter.default, kind()) == json_format.Parse(value, kind())
        else:
            assert parameter.default == value


def test_the_evaluator_needs_what_only_the_stock_one_does_without(interfaces: dict[str, Interface]) -> None:
    evaluator = interfaces["TFLMEvaluator"]
    assert not parameters(evaluator)["eval_config"].optional
    assert {one.name for one in evaluator.inputs if one.optional} == {"baseline_model", "schema"}


@pytest.mark.parametrize("name", COMPONENTS)
def test_everything_is_described(name: str, interfaces: dict[str, Interface]) -> None:
    component = interfaces[name]
    assert component.description
    for one in (*component.inputs, *component.parameters, *component.outputs):
        assert len(one.description) > 10, one
        assert one.description.endswith((".", ")")), one


@pytest.mark.parametrize("name", COMPONENTS)
def test_text_that_is_json_says_so_and_has_an_example_that_the_step_would_take(
    name: str, interfaces: dict[str, Interface], nodes: dict[str, BaseComponent]
) -> None:
    readers = {"plan": AcceptancePlan.model_validate_json, "profile": BoardProfile.model_validate_json}
    for key, parameter in parameters(interfaces[name]).items():
        kind = declared(nodes[name])[key].type
        if issubclass(kind, Message):
            assert f"As JSON of `{kind.DESCRIPTOR.full_name}`" in parameter.description
            json_format.Parse(parameter.example or str(parameter.default), kind())
        elif isinstance(nodes[name].exec_properties.get(key), str) and _is_json(nodes[name].exec_properties[key]):
            assert "As JSON" in parameter.description
            assert readers.get(key, json.loads)(parameter.example)
        else:
            assert parameter.example is None or _is_json(parameter.example)


def _is_json(text: str) -> bool:
    return text[:1] in ("[", "{")


def test_each_artifact_goes_by_kubeflows_type_that_it_is_a_kind_of(interfaces: dict[str, Interface]) -> None:
    shown = {one.type: one.kubeflow_type for component in interfaces.values() for one in component.outputs}
    assert shown["tfx.Examples"] == "system.Dataset"
    assert shown["tfx.Model"] == shown["tfx.PushedModel"] == "system.Model"
    assert shown["system.HTML"] == "system.HTML"
    assert shown["system.Markdown"] == "system.Markdown"
    others = {kind for kind, title in shown.items() if title == "system.Artifact"}
    assert {"tfx.Schema", "tfx.ModelBlessing", "tinyops.AcceptanceSet", "tinyops.DeploymentReport"} <= others
    assert "tfx.Artifact" not in shown


def test_what_kubeflows_cache_must_not_serve_says_so(interfaces: dict[str, Interface]) -> None:
    assert {name for name, component in interfaces.items() if not component.cacheable} == {
        "SensorExampleGen",
        "DataGate",
        "LatestBlessedModel",
        "TFLMPusher",
        "PromotionGate",
    }


def test_the_interface_needs_no_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from pipeline.catalogue.interface import interface

    monkeypatch.chdir(tmp_path)
    assert interface("Trainer").executor == "components.trainer.executor.Executor"
