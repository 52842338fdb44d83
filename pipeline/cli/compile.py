"""`tinyops compile`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from edge_deployer.cli.output import print_json
from pipeline.cli.project import DemoOption, ProjectArgument, choose_project


def compile_pipeline(
    project: ProjectArgument = None,
    demo: DemoOption = False,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")] = Path("pipeline.yaml"),
    image: Annotated[
        Optional[str],  # noqa: UP045 - typer reads the annotation at run time, on Python 3.10
        typer.Option(help="Container image of every step, instead of the config's.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Compile a project for Kubeflow Pipelines 2.

    The file holds the pipeline (schema 2.1) and, as a second document, what its pods get from Kubernetes. The section
    `kubeflow` of the config names the image, the pipeline root, and secrets, volumes and resources by step. No cluster,
    bucket or data is needed, and the same project gives the same bytes.

    Next: `tinyops verify`, `tinyops replay`, `tinyops register`.
    """
    from edge_deployer.files import write_file
    from pipeline.project import quiet_libraries

    config = choose_project(project, demo=demo)
    quiet_libraries.hush()
    from pipeline.kubeflow.compilation.compiler import compile_project

    compiled = compile_project(config, image=image)
    write_file(output, compiled.to_yaml().encode())
    steps = sorted(compiled.spec["root"]["dag"]["tasks"])
    if as_json:
        print_json({"file": output, "pipeline": compiled.name, "steps": steps})
    else:
        typer.echo(f"{output}: pipeline {compiled.name}, {len(steps)} steps")
