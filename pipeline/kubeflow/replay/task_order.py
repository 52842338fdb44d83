"""The order in which the tasks of a compiled pipeline can run, if all are of a kind that is replayed."""

from __future__ import annotations

import json
from graphlib import CycleError, TopologicalSorter
from typing import Final

from edge_deployer.errors import TinyopsError
from pipeline.kubeflow.replay.driver import Json

_WORKSPACE: Final = "{{$.workspace_path}}"


def in_order(spec: Json) -> list[str]:
    """Tasks, each after those that it depends on.

    Raises:
        TinyopsError: they depend on each other, or one has what is not replayed.
    """
    graph = {}
    for name, task in sorted(spec["root"]["dag"]["tasks"].items()):
        component = spec["components"][task["componentRef"]["name"]]
        _require_replayed(name, task, component, spec["deploymentSpec"]["executors"])
        graph[name] = {*task.get("dependentTasks", []), *producers(task)}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise TinyopsError(
            f"tasks wait for each other: {' -> '.join(error.args[1])}", remedy="look with `tinyops verify`"
        ) from error


def producers(task: Json) -> set[str]:
    """Tasks of which a task needs an output."""
    inputs = task.get("inputs", {})
    return {
        source[kind]["producerTask"]
        for sources, kind in (("artifacts", "taskOutputArtifact"), ("parameters", "taskOutputParameter"))
        for source in inputs.get(sources, {}).values()
        if kind in source
    }


def _require_replayed(name: str, task: Json, component: Json, executors: Json) -> None:
    found = (
        _of_the_task(task)
        or _of_what_runs(component, executors.get(component.get("executorLabel", ""), {}))
        or _of_the_inputs(task.get("inputs", {}), component)
    )
    if found:
        what, remedy = found
        raise TinyopsError(f"task {name} {what}, which is not replayed", remedy=remedy)


def _of_the_task(task: Json) -> tuple[str, str] | None:
    if {"parameterIterator", "artifactIterator", "iteratorPolicy"} & set(task):
        return "is a loop (dsl.ParallelFor)", "write a task for each of its items"
    if task.get("triggerPolicy", {}).get("condition"):
        return "is a condition (dsl.If)", "replay a pipeline in which the branch that is wanted stands alone"
    return None


def _of_what_runs(component: Json, executor: Json) -> tuple[str, str] | None:
    if "dag" in component:
        return "is a pipeline of its own", "write its tasks into the pipeline"
    if "importer" in executor and executor["importer"].get("downloadToWorkspace"):
        return "imports into the run's workspace (download_to_workspace)", "import without download_to_workspace"
    if not {"container", "importer"} & set(executor):
        return "is neither a container nor an importer", "replay a pipeline whose tasks are containers and importers"
    return None


def _of_the_inputs(inputs: Json, component: Json) -> tuple[str, str] | None:
    for name, source in inputs.get("parameters", {}).items():
        if "taskFinalStatus" in source:
            return f"asks in {name} how another task ended (dsl.PipelineTaskFinalStatus)", f"leave {name} out"
        if _WORKSPACE in json.dumps(source):
            return f"has the run's workspace in {name} (dsl.WORKSPACE_PATH_PLACEHOLDER)", f"give {name} another path"
        if "parameterExpressionSelector" in source:
            return f"takes {name} out of another value (parameterExpressionSelector)", f"give {name} by itself"
    for name, source in inputs.get("artifacts", {}).items():
        if "taskOutputArtifact" not in source:
            return f"gets {name} from outside of the pipeline", f"give {name} as another task's output, or import it"
    for name, definition in component.get("inputDefinitions", {}).get("parameters", {}).items():
        if definition.get("parameterType") in ("TASK_CONFIG", "TASK_FINAL_STATUS"):
            return f"gets {name} from Kubernetes (dsl.TaskConfig)", f"leave {name} out"
    return None
