"""Compiled pipelines of a few lines, whose steps need neither TFX nor time."""

from __future__ import annotations

from typing import Any

HTML = {"schemaTitle": "system.HTML", "schemaVersion": "0.0.1"}
FOLDER = {"schemaTitle": "system.Artifact", "schemaVersion": "0.0.1"}

Json = dict[str, Any]


def step(
    program: str,
    *arguments: str,
    parameters: Json | None = None,
    artifacts: dict[str, str] | None = None,
    outputs: Json | None = None,
    output_parameters: dict[str, str] | None = None,
    after: tuple[str, ...] = (),
    **task: Any,
) -> Json:
    """A container that runs a Python program.

    Args:
        program: its source.
        arguments: its arguments.
        parameters: for each, the type and where its value comes from (kfp's InputParameterSpec).
        artifacts: for each, ``task.output`` that it is.
        outputs: type of each output.
        output_parameters: type of each output parameter.
        after: tasks that it waits for besides.
        task: what else the task says.
    """
    sources = {name: place.split(".") for name, place in (artifacts or {}).items()}
    return {
        "task": {
            "taskInfo": {"name": "?"},
            "componentRef": {"name": "?"},
            "dependentTasks": list(after),
            "inputs": {
                "parameters": {name: source for name, (_, source) in (parameters or {}).items()},
                "artifacts": {
                    name: {"taskOutputArtifact": {"producerTask": producer, "outputArtifactKey": key}}
                    for name, (producer, key) in sources.items()
                },
            },
            **task,
        },
        "component": {
            "executorLabel": "?",
            "inputDefinitions": {
                "parameters": {name: {"parameterType": kind} for name, (kind, _) in (parameters or {}).items()},
                "artifacts": {name: {"artifactType": FOLDER} for name in sources},
            },
            "outputDefinitions": {
                "artifacts": {name: {"artifactType": kind} for name, kind in (outputs or {}).items()},
                "parameters": {name: {"parameterType": kind} for name, kind in (output_parameters or {}).items()},
            },
        },
        "executor": {
            "container": {"image": "example.com/step:1", "command": ["python", "-c"], "args": [program, *arguments]}
        },
    }


def importer(uri: str) -> Json:
    """A task that brings in what lies at a URI."""
    return {
        "task": {"componentRef": {"name": "?"}, "inputs": {"parameters": {"uri": constant(uri)}}},
        "component": {
            "executorLabel": "?",
            "inputDefinitions": {"parameters": {"uri": {"parameterType": "STRING"}}},
            "outputDefinitions": {"artifacts": {"artifact": {"artifactType": FOLDER}}},
        },
        "executor": {"importer": {"artifactUri": {"runtimeParameter": "uri"}, "typeSchema": FOLDER}},
    }


def constant(value: Any) -> Json:
    """Where a parameter comes from: the file itself."""
    return {"runtimeValue": {"constant": value}}


def pipeline(steps: dict[str, Json], parameters: Json | None = None, root: str = "minio://bucket/v2/artifacts") -> Json:
    """A PipelineSpec.

    Args:
        steps: made by `step` or `importer`, by name.
        parameters: kfp's ParameterSpec of each parameter of the pipeline.
        root: its default pipeline root.
    """
    for name, parts in steps.items():
        parts["task"]["taskInfo"] = {"name": name}
        parts["task"]["componentRef"] = {"name": f"comp-{name}"}
        parts["component"]["executorLabel"] = f"exec-{name}"
    return {
        "schemaVersion": "2.1.0",
        "sdkVersion": "kfp-2.5.0",
        "pipelineInfo": {"name": "small"},
        "defaultPipelineRoot": root,
        "root": {
            "inputDefinitions": {"parameters": parameters or {}},
            "dag": {"tasks": {name: parts["task"] for name, parts in steps.items()}},
        },
        "components": {f"comp-{name}": parts["component"] for name, parts in steps.items()},
        "deploymentSpec": {"executors": {f"exec-{name}": parts["executor"] for name, parts in steps.items()}},
    }
