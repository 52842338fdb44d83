"""A small pipeline, compiled by kfp, with a document for Kubernetes."""

from pathlib import Path

from kfp import compiler, dsl

from pipeline.kubeflow.compilation.pipeline_file import PipelineFile


@dsl.container_component
def train(epochs: int, model: dsl.Output[dsl.Model]) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image="registry.example.com/train:1", command=["train"], args=[epochs, model.path])


@dsl.container_component
def push(model: dsl.Input[dsl.Model], html_report: dsl.Output[dsl.HTML]) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image="registry.example.com/push:1", command=["push"], args=[model.path, html_report.path])


@dsl.container_component
def promotion_gate() -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image="registry.example.com/push:1", command=["gate"])


@dsl.pipeline(name="digits", description="Handwritten digits", pipeline_root="minio://bucket/line")
def digits(epochs: int = 12) -> None:
    trained = train(epochs=epochs)
    pushed = push(model=trained.outputs["model"])
    promotion_gate().after(pushed)


def write_pipeline(path: Path, *, platform: bool = True, image: str | None = None) -> PipelineFile:
    """Compile the pipeline.

    Args:
        path: of the file, `.yaml`.
        platform: whether a step asks something of Kubernetes.
        image: the first step's, to have other content.
    """
    compiler.Compiler().compile(digits, str(path))
    file = PipelineFile.load(path)
    if image is not None:
        file.executors["exec-train"]["container"]["image"] = image
    # As TFX writes it, and as no server gives it back: a default value.
    file.spec["root"]["dag"]["tasks"]["push"]["cachingOptions"] = {"enableCache": False}
    executors = {"exec-train": {"nodeSelector": {"labels": {"disk": "ssd"}}}}
    document = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}
    file = PipelineFile(file.spec, document if platform else {})
    path.write_text(file.to_yaml())
    return file
