"""`tinyops replay`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Optional

import typer

from edge_deployer.cli.exit_status import EXIT_ERROR, EXIT_REFUSED
from pipeline.cli.project import DemoOption, find_project


def replay(
    pipeline: Annotated[Path, typer.Argument(help="The file that `tinyops compile` wrote.")],
    parameter: Annotated[
        Optional[list[str]],  # noqa: UP045 - typer reads the annotation at run time, on Python 3.10
        typer.Option(
            metavar="NAME=VALUE",
            help="A parameter of the pipeline, instead of its default; may be given once per parameter.",
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            help="The project's tinyops.yaml, which says where its module, data, inventory and signing key are on this "
            "machine; without it, that of this folder, or the demo's where there is none.",
            show_default=False,
        ),
    ] = None,
    demo: DemoOption = False,
    workspace: Annotated[Path, typer.Option(help="Folder for artifacts, as object stores have them, and logs.")] = Path(
        ".tinyops/replay"
    ),
    back_end: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            metavar="RELEASE",
            help="Release of Kubeflow Pipelines whose driver and launcher are replayed: 2.14, 2.15, 2.16 or 2.17; "
            "without it, the newest.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON, and no progress.")] = False,
) -> None:
    """Run a compiled pipeline on this machine, step by step as Kubeflow would.

    Each task is a process that is told exactly what Kubeflow's launcher would tell it in its container. No cluster and
    no object store is needed: artifacts are kept in the workspace, where the next replay finds them too.

    Exit status: 0 all steps are done, 1 one failed, 3 the release was not promoted, 130 stopped by Ctrl-C,
    143 by SIGTERM.
    """
    from edge_deployer.report.folders import keep_report
    from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
    from pipeline.kubeflow.replay.back_ends import NEWEST
    from pipeline.kubeflow.replay.back_ends import back_end as known_back_end
    from pipeline.kubeflow.replay.run import replay as run
    from pipeline.kubeflow.replay.run_parameters import run_parameters
    from pipeline.kubeflow.replay.step_process import on_this_machine
    from pipeline.kubeflow.replay.this_machine import host_parameters, require_own
    from pipeline.kubeflow.replay.view import ReplayView, print_result
    from pipeline.kubeflow.verification.soundness import require_sound
    from pipeline.project.preflight import load_project

    release = known_back_end(back_end) if back_end else NEWEST
    file = PipelineFile.load(pipeline)
    require_sound(file, pipeline)
    project, folder = load_project(find_project(config, demo=demo).resolve()), workspace.resolve()
    require_own(project, file)
    parameters = run_parameters(file.spec, parameter or [], host_parameters(project, file.spec, folder))
    with ReplayView(quiet=as_json) as view:
        result = run(file.spec, parameters, folder, on_this_machine(project.module.folder), view.follow, release)
    if result.report is not None:
        kept = keep_report(result.report, folder)
        result = replace(result, report=kept)
    print_result(result, release.release, as_json=as_json)
    if result.failure is not None:
        sys.exit(EXIT_REFUSED if result.failure.is_refusal else EXIT_ERROR)
