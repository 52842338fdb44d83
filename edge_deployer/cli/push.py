"""`tinyops push`: stage, accept and promote a model that some other pipeline made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_deployer.cli.exit_status import EXIT_REFUSED
from edge_deployer.cli.options import WORKSPACE, ApproveOption, InventoryFile, ReplaceOption, TakeOverOption, WaitOption
from edge_deployer.task_name import DEFAULT_THRESHOLD, TaskName


def push(
    model: Annotated[Path, typer.Argument(help="The .tflite file to release: one input, one output, batch 1.")],
    data: Annotated[
        Path | None,
        typer.Option(
            help="Held-out samples, an .npz: array `inputs` (n, ...) of real or already quantised values; optionally "
            "`labels` (n,), class indices, or 0 normal and 1 anomaly for a model that scores; or `targets` (n, ...), "
            "the true values of a regression; and `slices` (n,), to draw from each its share. Without it, parity is "
            "tried on random inputs and the quality of the answers is not judged.",
        ),
    ] = None,
    inventory: InventoryFile = None,
    plan: Annotated[
        Path | None, typer.Option(help="Acceptance plan, a YAML file; without it, the default plan.")
    ] = None,
    signing_key: Annotated[
        Path | None,
        typer.Option(
            help="ed25519 private key, PEM; without it, the key that the variable TINYOPS_SIGNING_KEY holds, or else a "
            "development key in the workspace."
        ),
    ] = None,
    release_version: Annotated[str, typer.Option(help="major.minor.revision; the build number is added.")] = "1.0.0",
    workspace: Annotated[Path, typer.Option(help="Folder for releases, virtual boards and reports.")] = WORKSPACE,
    task: Annotated[
        TaskName | None,
        typer.Option(
            help="What the model is for, where data and model do not show it: classification (the greatest of several "
            "outputs), binary (one output, class 1 over the threshold), anomaly (one output is the score, or the model "
            "gives its input back), regression.",
        ),
    ] = None,
    threshold: Annotated[
        float, typer.Option(help="For a binary task: what is above it is class 1.")
    ] = DEFAULT_THRESHOLD,
    profiles: Annotated[
        list[str] | None,
        typer.Option(
            "--for",
            metavar="PROFILE",
            help="Board profile that the release is for; may be given several times. Boards of other profiles are then "
            "refused. Without it, a release is for all boards that it fits.",
        ),
    ] = None,
    replace: ReplaceOption = False,
    strategy: Annotated[
        Path | None, typer.Option(help="Strategy for production, YAML; without it, a canary and the rest.")
    ] = None,
    approve: ApproveOption = None,
    wait: WaitOption = 0.0,
    take_over: TakeOverOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON instead of text.")] = False,
) -> None:
    """Stage, accept and promote a .tflite model.

    The staging boards try the model; if they accept it, production gets it in waves: one board first, then the rest,
    unless a strategy says otherwise. A refusal takes every board back to the release it had and ends with exit status
    3. So does Ctrl-C or SIGTERM; the last line says what the boards run then. What was killed on the way is finished or
    taken back by the next push.

    With the `sim` extra TFLM on this machine computes the answers that the boards must give. Without it, labelled data
    and a floor in the plan are needed: the boards are then judged by their accuracy, AUC or error alone.
    """
    from edge_deployer.cli.foreign_model import ForeignModel
    from edge_deployer.cli.outcome import print_outcome
    from edge_deployer.cli.progress import BoardProgress
    from edge_deployer.cli.user import approved_by_user
    from edge_deployer.cli.waiting import patience_of
    from edge_deployer.rollout.strategy import load_strategy
    from edge_deployer.task import AskedTask

    foreign = ForeignModel(
        model=model,
        data=data,
        inventory=inventory,
        plan=plan,
        signing_key=signing_key,
        version=release_version,
        workspace=workspace,
        task=AskedTask(name=task, threshold=threshold),
        replace=replace,
        strategy=load_strategy(strategy),
        patience=patience_of(wait),
        take_over=take_over,
        approved=approved_by_user(approve),
        profiles=tuple(dict.fromkeys(profiles)) if profiles else None,
    )
    with BoardProgress(quiet=as_json) as progress:
        deployment, write_report = foreign.push(progress)
    print_outcome(deployment, write_report, as_json=as_json)
    if not deployment.pushed:
        raise typer.Exit(EXIT_REFUSED)
