"""Are all names in the graph defined, is everything defined used, and does the graph end?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from pipeline.kubeflow.verification.findings import Check, Finding
from pipeline.kubeflow.verification.parsed_pipeline import Dag, ParsedPipeline


def check_graph(pipeline: ParsedPipeline) -> Check:
    """Tasks, components and executors: dangling names, unused parts, cycles."""
    findings = [*_tasks(pipeline), *_components(pipeline), *_unused(pipeline), *_cycles(pipeline)]
    return Check("graph", tuple(findings), remedy="compile the pipeline again, or give the names that are there")


def _tasks(pipeline: ParsedPipeline) -> Iterator[Finding]:
    for dag in pipeline.dags():
        for _, place, task in dag.tasks():
            component = task.component_ref.name
            if component not in pipeline.spec.components:
                yield Finding(f"{place}.componentRef.name", f"there is no component {component!r}")
            for upstream in task.dependent_tasks:
                if upstream not in dag.component.dag.tasks:
                    yield Finding(f"{place}.dependentTasks", f"there is no task {upstream!r}")


def _components(pipeline: ParsedPipeline) -> Iterator[Finding]:
    for place, component in pipeline.components():
        label = component.executor_label
        if component.WhichOneof("implementation") is None:
            yield Finding(place, "has neither an executorLabel nor a dag, so nothing would run")
        elif label and label not in pipeline.executors:
            yield Finding(f"{place}.executorLabel", f"there is no executor {label!r}")
        elif not label and not component.dag.tasks:
            yield Finding(f"{place}.dag.tasks", "is empty, so nothing would run")


def _unused(pipeline: ParsedPipeline) -> Iterator[Finding]:
    named = {task.component_ref.name for dag in pipeline.dags() for _, _, task in dag.tasks()}
    for name in sorted(pipeline.spec.components.keys() - named):
        yield Finding(f"components.{name}", "no task refers to it")
    labels = {component.executor_label for _, component in pipeline.components()}
    for label in sorted(pipeline.executors.keys() - labels):
        yield Finding(f"deploymentSpec.executors.{label}", "no component refers to it")


def _cycles(pipeline: ParsedPipeline) -> Iterator[Finding]:
    for dag in pipeline.dags():
        yield from _cycle({name: _upstream(dag, name) for name, _, _ in dag.tasks()}, f"{dag.place}.dag.tasks")
    nested = {
        dag.place: {f"components.{task.component_ref.name}" for _, _, task in dag.tasks()} for dag in pipeline.dags()
    }
    yield from _cycle(nested, "components")


def _cycle(graph: Mapping[str, set[str]], place: str) -> Iterator[Finding]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield Finding(place, f"goes in a circle: {' -> '.join(error.args[1])}")


def _upstream(dag: Dag, name: str) -> set[str]:
    """Tasks that a task waits for; Kubeflow adds the producers of its inputs to those that it names."""
    task = dag.component.dag.tasks[name]
    artifacts = (given.task_output_artifact.producer_task for given in task.inputs.artifacts.values())
    parameters = (given.task_output_parameter.producer_task for given in task.inputs.parameters.values())
    return {*task.dependent_tasks, *artifacts, *parameters} - {""}
