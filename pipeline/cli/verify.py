"""`tinyops verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from edge_deployer.cli.exit_status import EXIT_ERROR


def verify(
    file: Annotated[Path, typer.Argument(help="A compiled pipeline, made by `tinyops compile`.", show_default=False)],
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask no package index; what cannot be checked without one is no failure.")
    ] = False,
    environment: Annotated[
        Optional[Path],  # noqa: UP045 - typer reads the annotation at run time, on Python 3.10
        typer.Option(help="Folder that keeps the newest kfp; without it, the user's cache.", show_default=False),
    ] = None,
    multi_user: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            metavar="NAMESPACE",
            help="A namespace of a Kubeflow with several users: may it write where the file says?",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text, and no progress.")] = False,
) -> None:
    """Check a compiled pipeline before a cluster sees it, and list what the cluster must have.

    Fields, names, data flow, artifact types, containers and Kubernetes settings are checked against what Kubeflow
    Pipelines 2 runs, and the file is loaded with the kfp installed here and with the newest one, for which an
    environment is made once. Everything that is wrong is listed with its place in the file. No cluster is asked.

    Exit status: 0 it can be run, 1 something is wrong or could not be checked.
    """
    from rich.console import Console

    from pipeline.kubeflow.verification.newest_kfp import default_folder
    from pipeline.kubeflow.verification.verify import verify_file
    from pipeline.kubeflow.verification.view import print_verification

    with Console(stderr=True, quiet=as_json).status("checking") as status:
        verification = verify_file(
            file,
            environments=environment or default_folder(),
            offline=offline,
            before_making=lambda: status.update("making an environment with the newest kfp, once"),
            namespace=multi_user,
        )
    verified = verification.verified(offline=offline)
    print_verification(verification, file, verified=verified, as_json=as_json)
    if not verified:
        raise typer.Exit(EXIT_ERROR)
