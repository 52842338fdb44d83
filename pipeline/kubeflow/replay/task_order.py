"""The order in which the tasks of a compiled pipeline can run."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

from edge_deployer.errors import TinyopsError
from pipeline.kubeflow.replay.launcher import Json


def in_order(spec: Json) -> list[str]:
    """Tasks, each after those that it depends on.

    Raises:
        TinyopsError: they depend on each other, or one is of a kind that is not replayed.
    """
    graph = {}
    for name, task in sorted(spec["root"]["dag"]["tasks"].items()):
        _require_plain(name, task, spec)
        inputs = task.get("inputs", {})
        producers = [
            source[kind]["producerTask"]
            for sources, kind in (("artifacts", "taskOutputArtifact"), ("parameters", "taskOutputParameter"))
            for source in inputs.get(sources, {}).values()
            if kind in source
        ]
        graph[name] = {*task.get("dependentTasks", []), *producers}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise TinyopsError(
            f"tasks wait for each other: {' -> '.join(error.args[1])}", remedy="look with `tinyops verify`"
        ) from error


def _require_plain(name: str, task: Json, spec: Json) -> None:
    executor = spec["deploymentSpec"]["executors"].get(
        spec["components"][task["componentRef"]["name"]].get("executorLabel"), {}
    )
    loops = {"parameterIterator", "artifactIterator", "iteratorPolicy"} & set(task)
    condition = task.get("triggerPolicy", {}).get("condition")
    if loops or condition or not {"container", "importer"} & set(executor):
        raise TinyopsError(
            f"task {name} is a loop, a condition, a pipeline of its own or a resolver, which are not replayed",
            remedy="replay a pipeline whose tasks are containers and importers",
        )
