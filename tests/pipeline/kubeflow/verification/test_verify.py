from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import typer
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from edge_deployer.errors import TinyopsError
from pipeline.cli.verify import verify
from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
from pipeline.kubeflow.step.executor_output import SHOWN_BY_KUBEFLOW
from pipeline.kubeflow.verification.artifact_types import KUBEFLOWS, OURS
from pipeline.kubeflow.verification.cluster_needs import Need, cluster_needs
from pipeline.kubeflow.verification.duplicate_keys import check_keys
from pipeline.kubeflow.verification.findings import Check, Finding
from pipeline.kubeflow.verification.multi_user import check_multi_user
from pipeline.kubeflow.verification.notes import notes
from pipeline.kubeflow.verification.parsed_pipeline import parse
from pipeline.kubeflow.verification.plain_scalars import check_plain_scalars
from pipeline.kubeflow.verification.quantities import as_go_prints, quantity
from pipeline.kubeflow.verification.verify import static_checks
from tests.pipeline.kubeflow.valid_pipeline import EXAMPLES, valid_platform, valid_spec
from tests.pipeline.kubeflow.verification.mutations import MUTATIONS, Mutation
from tests.processes import loaded_with

DROP = "drop it"
PUSH = "platforms.kubernetes.deploymentSpec.executors.exec-push"
TASKS = "root.dag.tasks"
EXECUTORS = "deploymentSpec.executors"


def changed(place: str, value: Any) -> PipelineFile:
    """The valid pipeline with another value at one place, or without it."""
    file = PipelineFile(valid_spec(), valid_platform())
    *keys, last = place.split(".")
    parent = reduce(
        lambda document, key: document[key], keys, file.platform if keys[:1] == ["platforms"] else file.spec
    )
    if value is DROP:
        del parent[last]
    else:
        parent[last] = value
    return file


def checks(file: PipelineFile) -> dict[str, Check]:
    return {check.name: check for check in static_checks(*parse(file))}


def findings(file: PipelineFile) -> Iterator[tuple[str, Finding]]:
    return ((check.name, finding) for check in checks(file).values() for finding in check.findings)


def artifact(producer: str, key: str) -> dict[str, Any]:
    return {"taskOutputArtifact": {"producerTask": producer, "outputArtifactKey": key}}


def parameter(producer: str, key: str) -> dict[str, Any]:
    return {"taskOutputParameter": {"producerTask": producer, "outputParameterKey": key}}


WRONG = [
    # what is changed, the value, the check that finds it, where it says so, what it says
    ("sdkVersio", "x", "pipeline document", "sdkVersio", "did you mean sdkVersion"),
    (f"{TASKS}.gen.dependsOn", [], "pipeline document", f"{TASKS}.gen.dependsOn", "no such field"),
    (f"{TASKS}.gen.dependentTasks", "gen", "pipeline document", f"{TASKS}.gen.dependentTasks", "does not fit"),
    (f"{TASKS}.gen.inputs", [], "pipeline document", f"{TASKS}.gen.inputs", "a mapping belongs here"),
    (TASKS, ["gen"], "pipeline document", TASKS, "a mapping belongs here"),
    ("components", {1: {"executorLabel": "exec-gen"}}, "pipeline document", "components.1", "put it in quotes"),
    (
        f"{EXECUTORS}.exec-gen.container.env",
        {"A": "1"},
        "pipeline document",
        f"{EXECUTORS}.exec-gen.container.env",
        "a list belongs here",
    ),
    (
        "components.comp-gen.dag",
        {"tasks": {}},
        "pipeline document",
        "components.comp-gen.dag",
        "executorLabel is given too",
    ),
    (
        "root.inputDefinitions.parameters.steps.parameterType",
        "NUMBER",
        "pipeline document",
        "root.inputDefinitions.parameters.steps.parameterType",
        "'NUMBER' does not fit",
    ),
    (
        f"{EXECUTORS}.exec-gen.container.resources",
        {"cpuLimt": 1},
        "pipeline document",
        f"{EXECUTORS}.exec-gen.container.resources.cpuLimt",
        "did you mean cpuLimit",
    ),
    (
        f"{EXECUTORS}.exec-gen.container.env",
        [{"name": "A", "value": "1"}, {"nam": "B"}],
        "pipeline document",
        f"{EXECUTORS}.exec-gen.container.env[1].nam",
        "did you mean name",
    ),
    ("schemaVersion", "2.0.0", "Kubeflow's back end", "schemaVersion", "'2.0.0'"),
    ("pipelineInfo.name", "Digits_1", "Kubeflow's back end", "pipelineInfo.name", "'Digits_1'"),
    ("pipelineInfo.name", "digits-", "Kubeflow's back end", "pipelineInfo.name", "'digits-'"),
    ("pipelineInfo", {}, "Kubeflow's back end", "pipelineInfo.name", "''"),
    ("defaultPipelineRoot", "/tmp/root", "Kubeflow's back end", "defaultPipelineRoot", "'/tmp/root'"),
    ("defaultPipelineRoot", "oci://bucket", "Kubeflow's back end", "defaultPipelineRoot", "'oci://bucket'"),
    ("defaultPipelineRoot", "s3://bucket/a?region=eu", "Kubeflow's back end", "defaultPipelineRoot", "region"),
    ("defaultPipelineRoot", "minio://bucket/*", "Kubeflow's back end", "defaultPipelineRoot", "'minio://bucket/*'"),
    (
        "components.root",
        {"executorLabel": "exec-gen"},
        "Kubeflow's back end",
        "components.root",
        "reserved",
    ),
    (f"{EXECUTORS}.exec-gen", {}, "Kubeflow's back end", f"{EXECUTORS}.exec-gen", "nothing would run"),
    (f"{EXECUTORS}.exec-gen", {"resolver": {}}, "Kubeflow's back end", f"{EXECUTORS}.exec-gen", "a resolver"),
    (
        f"{EXECUTORS}.exec-gen",
        {"customJob": {"customJob": {"displayName": "x"}}},
        "Kubeflow's back end",
        f"{EXECUTORS}.exec-gen",
        "Vertex AI",
    ),
    (
        f"{EXECUTORS}.exec-gen.container.lifecycle",
        {"preCacheCheck": {"command": ["python"]}},
        "Kubeflow's back end",
        f"{EXECUTORS}.exec-gen.container.lifecycle",
        "only Vertex AI runs",
    ),
    (
        f"{TASKS}.train.artifactIterator",
        {"items": {"inputArtifact": "examples"}, "itemInput": "examples"},
        "Kubeflow's back end",
        f"{TASKS}.train.artifactIterator",
        "cannot iterate",
    ),
    (
        f"{TASKS}.train.inputs.parameters.rate",
        {"runtimeValue": {"runtimeParameter": "rate"}},
        "Kubeflow's back end",
        f"{TASKS}.train.inputs.parameters.rate.runtimeValue",
        "a constant only",
    ),
    (
        "components.comp-gen.inputDefinitions.parameters.data_file",
        {"type": "STRING"},
        "Kubeflow's back end",
        "components.comp-gen.inputDefinitions.parameters.data_file",
        "no parameterType",
    ),
    (f"{TASKS}.gen.componentRef.name", "comp-x", "graph", f"{TASKS}.gen.componentRef.name", "'comp-x'"),
    (f"{TASKS}.gen.componentRef.name", "comp-x", "graph", "components.comp-gen", "no task refers to it"),
    (f"{TASKS}.gen.componentRef", DROP, "graph", f"{TASKS}.gen.componentRef.name", "''"),
    (f"{TASKS}.train.dependentTasks", ["fit"], "graph", f"{TASKS}.train.dependentTasks", "'fit'"),
    (f"{TASKS}.gen.dependentTasks", ["release"], "graph", TASKS, "gen -> train -> release -> gen"),
    (
        f"{TASKS}.gen.inputs.artifacts",
        {"examples": artifact("train", "model")},
        "graph",
        TASKS,
        "gen -> train -> gen",
    ),
    (
        "components.comp-release.dag.tasks.push.componentRef.name",
        "comp-release",
        "graph",
        "components",
        "components.comp-release -> components.comp-release",
    ),
    ("components.comp-push.executorLabel", "exec-x", "graph", "components.comp-push.executorLabel", "'exec-x'"),
    ("components.comp-push.executorLabel", "exec-gen", "graph", f"{EXECUTORS}.exec-push", "no component refers"),
    ("components.comp-push.executorLabel", DROP, "graph", "components.comp-push", "neither an executorLabel"),
    ("components.comp-release.dag.tasks", {}, "graph", "components.comp-release.dag.tasks", "is empty"),
    (
        f"{TASKS}.train.inputs.artifacts.examples",
        artifact("read", "examples"),
        "data flow",
        f"{TASKS}.train.inputs.artifacts.examples",
        "there is no task 'read'",
    ),
    (
        f"{TASKS}.train.inputs.artifacts.examples",
        artifact("gen", "samples"),
        "data flow",
        f"{TASKS}.train.inputs.artifacts.examples",
        "'gen' has no output 'samples'",
    ),
    (
        f"{TASKS}.train.inputs.artifacts.examples",
        {"componentInputArtifact": "examples"},
        "data flow",
        f"{TASKS}.train.inputs.artifacts.examples",
        "no 'examples' in root.inputDefinitions",
    ),
    (
        f"{TASKS}.release.inputs.artifacts.model",
        artifact("gen", "examples"),
        "data flow",
        f"{TASKS}.release.inputs.artifacts.model",
        "is a tfx.Examples, and comp-release takes a system.Model",
    ),
    (
        "components.comp-release.dag.tasks.push.inputs.artifacts.model.componentInputArtifact",
        "weights",
        "data flow",
        "components.comp-release.dag.tasks.push.inputs.artifacts.model",
        "no 'weights' in components.comp-release.inputDefinitions",
    ),
    (
        f"{TASKS}.train.inputs.artifacts",
        DROP,
        "data flow",
        f"{TASKS}.train.inputs.artifacts.examples",
        "comp-train needs it",
    ),
    (
        f"{TASKS}.train.inputs.parameters.steps",
        DROP,
        "data flow",
        f"{TASKS}.train.inputs.parameters.steps",
        "comp-train needs it",
    ),
    (
        f"{TASKS}.train.inputs.artifacts.model",
        artifact("gen", "examples"),
        "data flow",
        f"{TASKS}.train.inputs.artifacts.model",
        "no such input",
    ),
    (
        f"{TASKS}.train.inputs.parameters.speed",
        {"runtimeValue": {"constant": 1}},
        "data flow",
        f"{TASKS}.train.inputs.parameters.speed",
        "no such input",
    ),
    (
        f"{TASKS}.train.inputs.parameters.steps",
        {},
        "data flow",
        f"{TASKS}.train.inputs.parameters.steps",
        "no value and no source",
    ),
    (
        f"{TASKS}.train.inputs.parameters.steps",
        {"componentInputParameter": "epochs"},
        "data flow",
        f"{TASKS}.train.inputs.parameters.steps",
        "no 'epochs' in root.inputDefinitions",
    ),
    (
        f"{TASKS}.train.inputs.parameters.steps",
        {"componentInputParameter": "data_file"},
        "data flow",
        f"{TASKS}.train.inputs.parameters.steps",
        "is a STRING, and comp-train takes a NUMBER_INTEGER",
    ),
    (
        f"{TASKS}.release.inputs.parameters.accuracy",
        parameter("train", "loss"),
        "data flow",
        f"{TASKS}.release.inputs.parameters.accuracy",
        "'train' has no output 'loss'",
    ),
    (
        f"{TASKS}.release.inputs.parameters.signing_key",
        parameter("train", "accuracy"),
        "data flow",
        f"{TASKS}.release.inputs.parameters.signing_key",
        "is a NUMBER_DOUBLE",
    ),
    (
        f"{TASKS}.release.inputs.parameters.accuracy",
        {"taskFinalStatus": {"producerTask": "fit"}},
        "data flow",
        f"{TASKS}.release.inputs.parameters.accuracy",
        "there is no task 'fit'",
    ),
    (
        f"{TASKS}.train.inputs.parameters.rate.runtimeValue.constant",
        "fast",
        "data flow",
        f"{TASKS}.train.inputs.parameters.rate.runtimeValue.constant",
        "is a string",
    ),
    (
        f"{TASKS}.train.inputs.parameters.steps",
        {"runtimeValue": {"constant": 1.5}},
        "data flow",
        f"{TASKS}.train.inputs.parameters.steps.runtimeValue.constant",
        "is 1.5, and the parameter takes a NUMBER_INTEGER",
    ),
    (
        "root.inputDefinitions.parameters.data_file.defaultValue",
        7,
        "data flow",
        "root.inputDefinitions.parameters.data_file.defaultValue",
        "is a number, and the parameter takes a STRING",
    ),
    (
        "components.comp-release.dag.outputs.artifacts.report.artifactSelectors",
        [{"producerSubtask": "push", "outputArtifactKey": "page"}],
        "data flow",
        "components.comp-release.dag.outputs.artifacts.report",
        "'push' has no output 'page'",
    ),
    (
        "components.comp-release.outputDefinitions",
        {},
        "data flow",
        "components.comp-release.dag.outputs.artifacts.report",
        "is not in components.comp-release.outputDefinitions",
    ),
    (
        "components.comp-release.dag.outputs.parameters",
        {"score": {"valueFromParameter": {"producerSubtask": "push", "outputParameterKey": "score"}}},
        "data flow",
        "components.comp-release.dag.outputs.parameters.score",
        "'push' has no output 'score'",
    ),
    (
        "root.dag.outputs",
        {
            "parameters": {
                "accuracy": {"valueFromParameter": {"producerSubtask": "train", "outputParameterKey": "accuracy"}}
            }
        },
        "data flow",
        "root.dag.outputs.parameters.accuracy",
        "is not in root.outputDefinitions",
    ),
    (
        "components.comp-train.outputDefinitions.artifacts.model.artifactType",
        {"schemaTitle": "model"},
        "artifact types",
        "components.comp-train.outputDefinitions.artifacts.model.artifactType",
        "the title 'model'",
    ),
    (
        "components.comp-train.outputDefinitions.artifacts.model.artifactType",
        {"schemaUri": "gs://schemas/model.yaml"},
        "artifact types",
        "components.comp-train.outputDefinitions.artifacts.model.artifactType",
        "neither schemaTitle nor instanceSchema",
    ),
    (
        "components.comp-train.inputDefinitions.artifacts.examples.artifactType",
        {"instanceSchema": "title: tfx.Exampels\n"},
        "artifact types",
        "components.comp-train.inputDefinitions.artifacts.examples.artifactType",
        "no component here or in TFX has the type tfx.Exampels",
    ),
    (
        "components.comp-train.inputDefinitions.artifacts.examples.artifactType",
        {"instanceSchema": "title: tinyops.AcceptanceSte\n"},
        "artifact types",
        "components.comp-train.inputDefinitions.artifacts.examples.artifactType",
        "no component here or in TFX has the type tinyops.AcceptanceSte",
    ),
    (
        "components.comp-train.inputDefinitions.artifacts.examples.artifactType",
        {"instanceSchema": "title: [\n"},
        "artifact types",
        "components.comp-train.inputDefinitions.artifacts.examples.artifactType",
        "the title ''",
    ),
    (f"{EXECUTORS}.exec-gen.container.image", DROP, "containers", f"{EXECUTORS}.exec-gen.container.image", "''"),
    (
        f"{EXECUTORS}.exec-gen.container.command",
        DROP,
        "containers",
        f"{EXECUTORS}.exec-gen.container.command",
        "missing",
    ),
    ("platforms.kubernetes.deploymentSpec.executor", {}, "platform document", "platforms.kubernetes", "executors"),
    ("platforms.tekton", {}, "platform document", "platforms.tekton", "is not read"),
    (
        "platforms.kubernetes.deploymentSpec.executors.exec-x",
        {},
        "platform document",
        "platforms.kubernetes.deploymentSpec.executors.exec-x",
        "there is no such executor",
    ),
]


@pytest.mark.parametrize(("place", "value", "check", "where", "what"), WRONG, ids=lambda value: str(value)[:50])
def test_what_is_wrong_is_found_and_named(place: str, value: Any, check: str, where: str, what: str) -> None:
    found = checks(changed(place, value))[check].findings
    assert any(finding.place.startswith(where) and what in finding.message for finding in found), found


def test_nothing_is_wrong_with_a_valid_pipeline() -> None:
    assert list(findings(PipelineFile(valid_spec(), valid_platform()))) == []
    assert list(findings(PipelineFile(valid_spec()))) == []


NEEDS_THE_NEWEST = {"privileged", "hostPathMount"}
"""Fields of which only the messages of kfp-kubernetes say that they are not there."""


@pytest.mark.parametrize(
    "mutation",
    [mutation for mutation in MUTATIONS if not any(field in str(mutation) for field in NEEDS_THE_NEWEST)],
    ids=str,
)
def test_what_driver_argo_and_kubernetes_refuse_is_found_and_named(mutation: Mutation) -> None:
    changes = list(mutation.of(PipelineFile(valid_spec(), valid_platform())))
    assert changes
    for change in changes:
        assert any(mutation.field in finding.place for _, finding in findings(change)), list(findings(change))


@pytest.mark.parametrize(
    "value", [None, 7, "text", [], ["text"], [[]], {"a": 1}, [{"mountPath": [1]}], [{"volumeName": {}}]]
)
@pytest.mark.parametrize(
    "field", ["secretAsVolume", "pvcMount", "secretAsEnv", "emptyDirMounts", "tolerations", "nodeSelector"]
)
def test_settings_of_any_form_are_read(field: str, value: Any) -> None:
    """This kfp has no message for them, which would leave out what does not fit."""
    file = changed(f"{PUSH}.{field}", value)
    list(findings(file))
    list(notes(parse(file)[0]))
    cluster_needs(parse(file)[0])


@pytest.mark.parametrize("source", sorted({mutation.source for mutation in MUTATIONS}))
def test_every_rule_has_its_source_in_the_docs(source: str) -> None:
    assert source in Path("docs/verify.md").read_text()


TASK_NAMES = [
    ("Train-2", True),
    ("a" * 121, True),
    ("a" * 122, False),
    ("2-train", False),
    ("train_2", False),
    ("é", False),
]


@pytest.mark.parametrize(("name", "taken"), TASK_NAMES)
def test_argo_takes_some_names_of_tasks(name: str, taken: bool) -> None:
    file = PipelineFile(valid_spec())
    tasks = file.spec["components"]["comp-release"]["dag"]["tasks"]
    tasks[name] = tasks.pop("push")
    file.spec["components"]["comp-release"]["dag"]["outputs"]["artifacts"]["report"]["artifactSelectors"] = [
        {"producerSubtask": name, "outputArtifactKey": "report"}
    ]
    assert [check for check, _ in findings(file)] == ([] if taken else ["Argo's rules"])


@pytest.mark.parametrize(
    ("component", "name", "taken"),
    [
        ("comp-release", "comp_release", False),  # Becomes a template.
        ("comp-release", "c" * 129, False),
        ("comp-push", "comp_push", True),  # Has Kubernetes settings, and so becomes a parameter.
        ("comp-push", "comp.push", False),
        ("comp-train", "comp.train", True),  # Becomes a hash.
    ],
)
def test_argo_takes_some_names_of_components(component: str, name: str, taken: bool) -> None:
    text = json.dumps(valid_spec()).replace(f'"{component}"', f'"{name}"')
    file = PipelineFile(json.loads(text), valid_platform())
    assert [check for check, _ in findings(file)] == ([] if taken else ["Argo's rules"])


def test_a_loop_gives_argo_names_that_are_longer() -> None:
    file = PipelineFile(valid_spec())
    tasks = file.spec["root"]["dag"]["tasks"]
    tasks["r" * 110] = tasks.pop("release") | {"parameterIterator": {"itemInput": "x", "items": {"raw": "[1]"}}}
    assert [finding.message[-32:] for _, finding in findings(file)] == ["which is longer than 128 characters"[-32:]]


QUANTITIES = [
    *(("0", "0"), ("4", "4"), ("1.", "1"), (".5", "0.5"), ("500m", "0.5"), ("+2", "2"), ("1e3", "1000")),
    *(("1E-3", "0.001"), ("1.5G", "1.5e9"), ("2k", "2000"), ("1Ki", "1024"), ("1Gi", "1073741824"), ("3n", "3e-9")),
]


@pytest.mark.parametrize(("text", "value"), QUANTITIES)
def test_kubernetes_quantities_are_read(text: str, value: str) -> None:
    assert quantity(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "four", "4GB", "4K", "1 Gi", "0x10", "1e", "1ki", "--1", "1,5", "1_000", "4\n"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no quantity"):
        quantity(text)


@given(st.floats(min_value=1e-12, max_value=1e12))
def test_a_number_as_go_prints_it_is_the_same_number(number: float) -> None:
    assert float(as_go_prints(number)) == number
    assert ("e" in as_go_prints(number)) == (not 1e-4 <= number < 1e6)


def test_numbers_are_printed_as_go_prints_them() -> None:
    printed = {
        4.0: "4",
        0.5: "0.5",
        16.25: "16.25",
        1e6: "1e+06",
        1234567.5: "1.2345675e+06",
        1e-5: "1e-05",
        100000.0: "100000",
    }
    assert {number: as_go_prints(number) for number in printed} == printed


SETTINGS_TAKEN = [
    {"imagePullPolicy": "IfNotPresent"},
    {"secretAsVolume": [{"secretName": "keys", "mountPath": "/a"}, {"secretName": "keys", "mountPath": "/b"}]},
    {"secretAsEnv": [{"secretName": "team.keys", "keyToEnv": [{"secretKey": ".a-b_c", "envVar": "a.b-C"}]}]},
    {"imagePullSecret": [{"secretNameParameter": {"componentInputParameter": "signing_key"}}]},
    {"pvcMount": [{"taskOutputParameter": {"producerTask": "push", "outputParameterKey": "a"}, "mountPath": "/a"}]},
    {"podMetadata": {"labels": {"example.com/Team_1": ""}, "annotations": {"a.b/c": "any text, of any length"}}},
    {"tolerations": [{"operator": "Exists"}, {"key": "a/b", "operator": "Equal", "value": "x"}, {"key": "a"}]},
    {"tolerations": [{"tolerationJson": {"componentInputParameter": "signing_key"}}]},
    {"nodeAffinity": [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a"]}], "weight": 1}]},
    {"nodeAffinity": [{"matchExpressions": [{"key": "cores", "operator": "Gt", "values": ["8"]}]}]},
    {"emptyDirMounts": [{"volumeName": "a", "mountPath": "/dev/shm", "medium": "Memory", "sizeLimit": "1Gi"}]},
    {"fieldPathAsEnv": [{"name": "POD", "fieldPath": "metadata.labels['a']"}]},
    {"activeDeadlineSeconds": "3600", "securityContext": {"runAsUser": "0"}},
]


@pytest.mark.parametrize("settings", SETTINGS_TAKEN, ids=str)
def test_settings_that_driver_and_kubernetes_take_are_not_found_fault_with(settings: dict[str, Any]) -> None:
    assert list(findings(changed(PUSH, settings))) == []


@pytest.mark.parametrize(
    ("settings", "where", "what"),
    [
        (
            {
                "secretAsVolume": [{"secretName": "keys", "mountPath": "/a"}],
                "configMapAsVolume": [{"configMapName": "keys", "mountPath": "/b"}],
            },
            "configMapAsVolume[0]",
            "the name 'keys', which one of secretAsVolume has too",
        ),
        (
            {"pvcMount": [{"constant": "a", "mountPath": "/a"}, {"constant": "b", "mountPath": "/a"}]},
            "pvcMount[1]",
            "is mounted at /a, as pvcMount[0] is",
        ),
        ({"secretAsEnv": [{"secretNameParameter": {"runtimeValue": {"constant": 7}}}]}, "secretAsEnv[0]", "no secret"),
        ({"tolerations": [{"key": "a", "effect": "No"}]}, "tolerations[0].effect", "'No': input should be"),
        ({"nodeSelector": {"labels": {"a!": "b"}}}, "nodeSelector.labels.a!", "'a!': string should match"),
    ],
)
def test_settings_that_are_lost_or_refused_are_named(settings: dict[str, Any], where: str, what: str) -> None:
    found = [finding for _, finding in findings(changed(PUSH, settings))]
    assert [finding.place for finding in found] == [f"{PUSH}.{where}"]
    assert what in found[0].message


NAMESPACE_ROOTS = {
    "minio://mlpipeline/artifacts": True,
    "minio://mlpipeline/artifacts/tinyops": True,
    "minio://mlpipeline/private/team-a/tinyops": True,
    "minio://mlpipeline/private-artifacts/team-a": True,
    "minio://mlpipeline/shared/tinyops": True,
    "s3://models/tinyops": True,
    "minio://mlpipeline/tinyops": False,
    "minio://mlpipeline": False,
    "minio://mlpipeline/artifacts-2": False,
    "minio://mlpipeline/private/team-ab": False,
    "minio://mlpipeline/private-artifacts/team-b": False,
}


@pytest.mark.parametrize(("root", "inside"), NAMESPACE_ROOTS.items())
def test_a_root_outside_the_namespace_is_found(root: str, inside: bool) -> None:
    pipeline, _ = parse(changed("defaultPipelineRoot", root))
    found = check_multi_user(pipeline, "team-a").findings
    assert [finding.place for finding in found] == ([] if inside else ["defaultPipelineRoot"])


def test_every_uri_of_kubeflows_store_is_asked_for() -> None:
    file = changed("defaultPipelineRoot", "minio://mlpipeline/private/team-a/tinyops")
    uri = "minio://mlpipeline/tinyops"
    file.spec["root"]["inputDefinitions"]["parameters"]["data_file"]["defaultValue"] = uri
    file.executors["exec-gen"]["container"]["env"] = [{"name": "ROOT", "value": uri}]
    file.spec["root"]["dag"]["tasks"]["train"]["inputs"]["parameters"]["rate"]["runtimeValue"]["constant"] = uri
    check = check_multi_user(parse(file)[0], "team-a")
    assert [finding.place for finding in check.findings] == [
        f"{TASKS}.train.inputs.parameters.rate.runtimeValue.constant",
        "root.inputDefinitions.parameters.data_file.defaultValue",
        f"{EXECUTORS}.exec-gen.container.env[0].value",
    ]
    assert "minio://mlpipeline/private/team-a" in check.remedy


def test_an_importer_is_taken_and_a_condition_on_it_is_not() -> None:
    file = changed(f"{EXECUTORS}.exec-gen", {"importer": {"typeSchema": {"schemaTitle": "system.Dataset"}}})
    assert list(findings(file)) == []
    file.spec["root"]["dag"]["tasks"]["gen"]["triggerPolicy"] = {"condition": "true"}
    assert [finding.place for _, finding in findings(file)] == [f"{TASKS}.gen.triggerPolicy.condition"]
    file.executors["exec-gen"]["importer"]["typeSchema"] = {"schemaTitle": "dataset"}
    assert f"{EXECUTORS}.exec-gen.importer.typeSchema" in [finding.place for _, finding in findings(file)]


def test_all_findings_are_listed_and_not_only_the_first() -> None:
    file = changed(f"{EXECUTORS}.exec-gen.container.image", "")
    file.spec["schemaVersion"] = "2.0.0"
    file.spec["root"]["dag"]["tasks"]["train"]["dependentTasks"] = ["fit", "read"]
    assert [finding.place for _, finding in findings(file)] == [
        "schemaVersion",
        f"{TASKS}.train.dependentTasks",
        f"{TASKS}.train.dependentTasks",
        f"{EXECUTORS}.exec-gen.container.image",
    ]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (f"{EXECUTORS}.exec-gen.container.image", f"pipeline@sha256:{'0' * 64}"),
        (f"{EXECUTORS}.exec-gen.container.image", "pipeline:1.0"),
        ("defaultPipelineRoot", "gs://bucket"),
        ("defaultPipelineRoot", "s3://bucket/a/b"),
        (f"{TASKS}.train.inputs.parameters.seed", {"runtimeValue": {"constant": 7}}),
        (f"{TASKS}.train.inputs.parameters.rate", {"componentInputParameter": "steps"}),
        (f"{TASKS}.train.inputs.parameters.rate.runtimeValue.constant", "{{$.inputs.parameters['x']}}"),
        ("components.comp-train.inputDefinitions.parameters.rate.defaultValue", 2),
        (f"{TASKS}.train.inputs.parameters.pipelinechannel--x", {"componentInputParameter": "data_file"}),
        ("components.comp-push.inputDefinitions.artifacts.model.artifactType", {"schemaTitle": "system.Artifact"}),
        (
            "components.comp-push.outputDefinitions.artifacts.set",
            {"artifactType": {"instanceSchema": "title: tinyops.AcceptanceSet\n"}},
        ),
    ],
)
def test_what_kubeflow_takes_is_not_found_fault_with(place: str, value: Any) -> None:
    assert list(findings(changed(place, value))) == []


REFERENCED = [
    *((TASKS, task) for task in ("gen", "train")),
    *(("components", name) for name in valid_spec()["components"]),
    *((EXECUTORS, label) for label in valid_spec()["deploymentSpec"]["executors"]),
    *(("root.inputDefinitions.parameters", name) for name in ("data_file", "signing_key", "steps")),
    *(
        (f"components.{name}.{kind}.{part}", key)
        for name, component in valid_spec()["components"].items()
        for kind in ("inputDefinitions", "outputDefinitions")
        for part, definitions in component.get(kind, {}).items()
        for key in definitions
        if key != "seed"
    ),
]


@given(referenced=st.sampled_from(REFERENCED), suffix=st.text("abcxyz-", max_size=5))
def test_a_referenced_key_that_is_dropped_or_renamed_is_found_and_named(
    referenced: tuple[str, str], suffix: str
) -> None:
    place, key = referenced
    file = PipelineFile(valid_spec(), {})
    definitions = reduce(lambda document, part: document[part], place.split("."), file.spec)
    value = definitions.pop(key)
    if suffix:
        definitions[key + suffix] = value
    named = [finding for _, finding in findings(file) if key in finding.place or repr(key) in finding.message]
    assert named


MESSAGES = [
    "",
    "pipelineInfo",
    "root",
    "root.dag",
    "root.inputDefinitions",
    f"{TASKS}.train",
    f"{TASKS}.train.inputs",
    f"{TASKS}.train.inputs.artifacts.examples",
    f"{TASKS}.train.inputs.artifacts.examples.taskOutputArtifact",
    f"{TASKS}.train.inputs.parameters.rate.runtimeValue",
    "components.comp-release.dag.outputs",
    "components.comp-push.outputDefinitions.artifacts.report.artifactType",
    f"{EXECUTORS}.exec-push",
    f"{EXECUTORS}.exec-push.container",
]


@given(place=st.sampled_from(MESSAGES), key=st.text("abcXYZ_", min_size=1).map(lambda key: f"{key}0"))
def test_an_unknown_field_is_named_by_its_place(place: str, key: str) -> None:
    where = f"{place}.{key}" if place else key
    assert [(name, finding.place) for name, finding in findings(changed(where, "x"))] == [("pipeline document", where)]


def places(document: dict[str, Any], place: str = "") -> Iterator[str]:
    for key, value in document.items():
        if "." not in key and place + key not in ("deploymentSpec", "platforms"):
            yield place + key
        if isinstance(value, dict):
            yield from places(value, f"{place}{key}.")


@given(place=st.sampled_from([*places(valid_spec()), *places(valid_platform())]))
def test_strict_reading_reads_what_json_format_reads(place: str) -> None:
    file = changed(place, DROP)
    pipeline, misfits = parse(file)
    assert not any((misfits.spec, misfits.deployment, misfits.platform))
    assert pipeline.spec == json_format.ParseDict(file.spec, pb.PipelineSpec())
    assert pipeline.platform == json_format.ParseDict(file.platform, pb.PlatformSpec())
    deployment = json_format.ParseDict(file.spec["deploymentSpec"], pb.PipelineDeploymentConfig())
    assert pipeline.executors == dict(deployment.executors)


def test_a_key_that_is_there_twice_is_found_and_named_by_its_line(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_text("root: {dag: {}}\nenv:\n- name: A\n  value: x\n---\na: {dag: 1, b: 2}\n")
    assert check_keys(file).findings == ()
    file.write_text("root: {dag: {}}\nenv:\n- name: A\n  name: x\n---\na: {dag: 1, dag: 2}\n")
    assert [(finding.place, finding.message.split()[-2]) for finding in check_keys(file).findings] == [
        ("line 4", "'name'"),
        ("line 6", "'dag'"),
    ]


PLAIN = {
    # as kfp in Python and Kubeflow's back end read it
    ("text", "text"): [
        "a",
        "1e",
        "-a",
        "1.0.0",
        "0b2",
        "0o8",
        "_1",
        "t_rue",
        "y",
        "1e3x",
        "2024-1",
        "127.0.0.1",
        ".e3",
    ],
    ("text", "other"): [
        *("1e-3", "12e03", "0o17", "-0o17", "0O17", "0X1f", "+0B1", "08", "1.5e3", "+.5", "1_0e3", ".5e3", "2024-1-2"),
    ],
    ("other", "text"): ["yes", "on", "NO", "1:30", ".5_0", "2001-12-14 21:59:43.10 -5"],
    ("other", "other"): ["1", "-1.5", "1_000", "017", "0x1F", "1.0e-3", ".5", ".inf", "null", "~", "", "2024-01-02"],
}


@pytest.mark.parametrize(
    ("readings", "value"), [(readings, value) for readings, values in PLAIN.items() for value in values]
)
def test_a_plain_value_that_python_and_kubeflow_read_differently_is_found(
    tmp_path: Path, readings: tuple[str, str], value: str
) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_text(f"a: text\nb:\n- {{c: {value}}}\n---\n? {value}\n: text\n")
    python, kubeflow = readings
    places = [] if python == kubeflow else ["line 3", "line 5"]
    found = check_plain_scalars(file).findings
    assert [finding.place for finding in found] == places
    assert all(("not for Kubeflow" in finding.message) == (python == "text") for finding in found)
    file.write_text(f"a: '{value}'\nb: !!str {value}\nc: \"{value}\"\nd: |\n  {value}\n")
    assert check_plain_scalars(file).findings == ()


def test_our_own_types_are_those_of_the_components() -> None:
    from tfx.types.artifact import Artifact

    import components.artifact_types as ours

    kinds = (kind for kind in vars(ours).values() if isinstance(kind, type) and issubclass(kind, Artifact))
    assert {kind.TYPE_NAME for kind in kinds if kind.TYPE_NAME} - set(SHOWN_BY_KUBEFLOW) == OURS


def test_kubeflows_own_types_are_those_of_kfp() -> None:
    from kfp.dsl import Artifact

    assert {kind.schema_title for kind in (Artifact, *Artifact.__subclasses__())} == KUBEFLOWS


@pytest.mark.parametrize(
    ("place", "value", "note"),
    [
        ("root.inputDefinitions.parameters.steps.isOptional", True, None),
        ("defaultPipelineRoot", DROP, "defaultPipelineRoot is missing"),
        ("defaultPipelineRoot", "minio://mlpipeline/private-artifacts/team-a", "ARTIFACT_RETENTION_DAYS"),
        ("defaultPipelineRoot", "minio://mlpipeline/private/team-a", None),
        ("defaultPipelineRoot", "s3://mlpipeline/private-artifacts/team-a", None),
        (f"{EXECUTORS}.exec-gen.container.image", "tinyops/pipeline", "image tinyops/pipeline: an image needs a tag"),
        (f"{EXECUTORS}.exec-gen.container.image", "tinyops/pipeline:latest", "the tag `latest` names another image"),
        (f"{EXECUTORS}.exec-gen.container.image", "tinyops/pipeline@sha256:abc", "NAME@sha256:DIGEST"),
        (f"{EXECUTORS}.exec-gen.container.image", f"tinyops/pipeline@sha256:{'0' * 64}", None),
        (f"{PUSH}.podAffinity", [{"topologyKey": "zone"}], "exec-push: podAffinity is not read"),
        (f"{PUSH}.enabledSharedMemory", {"size": "1Gi"}, "exec-push: enabledSharedMemory is not read"),
        (f"{PUSH}.securityContext", {"runAsUser": 1000}, f"{PUSH}.securityContext needs a back end from 2.16 on"),
        (
            f"{PUSH}.pvcMount",
            [{"constant": "a", "mountPath": "/a", "subPath": "b"}],
            "pvcMount[0].subPath needs a back",
        ),
        (f"{PUSH}.secretAsEnv", [{"secretName": "a", "optional": False}], "secretAsEnv[0].optional needs a back end"),
    ],
)
def test_what_is_not_wrong_and_should_be_known_is_a_note(place: str, value: Any, note: str | None) -> None:
    without = set(notes(parse(PipelineFile(valid_spec(), valid_platform()))[0]))
    said = set(notes(parse(changed(place, value))[0])) - without
    assert [note in line for line in said if note] == ([True] if note else [])
    assert not [line for line in said if not note]


def test_a_parameter_without_a_default_is_a_note() -> None:
    (said,) = notes(parse(PipelineFile(valid_spec()))[0])
    assert said == "parameter steps has no default; whoever starts a run must give it"


def test_what_the_cluster_must_have_is_listed_with_keys_and_users() -> None:
    file = PipelineFile(valid_spec(), valid_platform())
    settings = file.platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-push"]
    made = {"taskOutputParameter": {"producerTask": "gen", "outputParameterKey": "name"}}
    settings["pvcMount"] += [{"pvcNameParameter": made, "mountPath": "/a"}, {"mountPath": "/b"}]
    container = file.executors["exec-gen"]["container"]
    container["resources"] = {"accelerator": {"type": "squat.ai/serial", "count": "1"}}
    container["image"] = "other:1"
    container["env"] = [{"name": "AWS_ENDPOINT_URL", "value": "http://store:9000"}]
    push = ("exec-push",)
    assert cluster_needs(parse(file)[0]) == [
        Need("config map", "device-inventory", (), push, optional=True),
        Need("config map", "parameter signing_key", ("level",), push, optional=False),
        Need("device", "squat.ai/serial", ("1",), ("exec-gen",), optional=False),
        Need("image", "other:1", (), ("exec-gen",), optional=False),
        Need(
            "image", "registry.example.com:5000/tinyops/pipeline:1.0.0", (), ("exec-push", "exec-train"), optional=False
        ),
        Need("object store", "http://store:9000", (), ("exec-gen",), optional=False),
        Need("secret", "object-store", ("accesskey",), push, optional=False),
        Need("secret", "registry", (), push, optional=False),
        Need("secret", "release-key", ("signing-key.pem",), push, optional=False),
        Need("volume claim", "output name of gen", (), push, optional=False),
        Need("volume claim", "release-line", (), push, optional=False),
    ]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (f"{EXECUTORS}.exec-gen.container.image", ""),
        (f"{EXECUTORS}.exec-gen.container.image", "argostub/createpvc"),  # Of which the driver pulls nothing.
        (f"{EXECUTORS}.exec-gen.container.env", [{"name": "AWS_ENDPOINT_URL"}]),
        (f"{EXECUTORS}.exec-gen.container.resources", {"accelerator": {"count": "1"}}),
        (f"{PUSH}.secretAsEnv", [{"secretNameParameter": {}}]),
        (f"{PUSH}.pvcMount", [{"taskOutputParameter": {}}]),
    ],
)
def test_what_the_cluster_must_have_has_a_name(place: str, value: Any) -> None:
    needs = cluster_needs(parse(changed(place, value))[0])
    assert needs
    assert all(need.name and "None" not in need.name and "argostub" not in need.name for need in needs)


def test_the_command_module_imports_nothing_heavy() -> None:
    assert not {"pydantic", "yaml", "kfp", "google.protobuf"} & loaded_with("pipeline.cli.verify")


def test_the_checks_leave_the_import_of_kfp_to_their_children() -> None:
    assert not {"kfp", "tfx"} & loaded_with("pipeline.kubeflow.verification.verify")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("apiVersion: argoproj.io/v1alpha1\nkind: Workflow\n", "an Argo workflow"),
        ('{"displayName": "x", "pipelineSpec": {}, "runtimeConfig": {}}', "a PipelineJob"),
        ("name: x\nimplementation: {container: {image: y}}\n", "a component of kfp 1"),
        ("apiVersion: v1\nkind: ConfigMap\n", "a Kubernetes object of kind ConfigMap"),
        ("root: {}\n", "pipelineInfo is missing"),
        ("- a\n", "no mapping"),
        ("", "0 pipeline"),
        ("a: [", "is not YAML"),
        ("[" * 900 + "]" * 900, "collections stand in one another"),
        ("root: &r {a: *r}\n", "collections stand in one another"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_is_no_compiled_pipeline_is_an_error_with_a_remedy(
    tmp_path: Path, text: str | None, why: str
) -> None:
    file = tmp_path / "pipeline.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(TinyopsError, match=why) as refused:
        verify(file, offline=True, environment=tmp_path, as_json=False)
    assert "tinyops compile" in refused.value.remedy


def test_offline_what_cannot_be_checked_is_said_and_is_no_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_text(PipelineFile(valid_spec(), valid_platform()).to_yaml())
    verify(file, offline=True, environment=tmp_path / "kept", as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert said["verified"] is True
    assert said["notes"] == ["parameter steps has no default; whoever starts a run must give it"]
    statuses = {check["name"]: check["status"] for check in said["checks"]}
    assert [name for name, status in statuses.items() if status != "passed"] == [
        "Kubernetes settings",
        "loads with the newest kfp",
    ]
    assert set(statuses.values()) == {"passed", "not checked"}
    assert not (tmp_path / "kept").exists()


def test_a_wrong_pipeline_is_shown_with_places_and_remedies_and_ends_with_status_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "pipeline.yaml"
    wrong = changed("root.inputDefinitions.parameters.steps.parameterType", "NUMBER")
    wrong.spec["components"]["comp-train"]["inputDefinitions"]["artifacts"]["examples"]["artifactType"] = EXAMPLES
    file.write_text(wrong.to_yaml())
    with pytest.raises(typer.Exit) as ended:
        verify(file, offline=True, environment=tmp_path, as_json=False)
    said = capsys.readouterr().out
    assert ended.value.exit_code == 1
    assert "    root.inputDefinitions.parameters.steps.parameterType: 'NUMBER' does not fit" in said
    assert "failed       loads with this kfp, kfp 2." in said
    assert "remedy: compile the pipeline again" in said
    assert "digits must not be run as it is" in said
