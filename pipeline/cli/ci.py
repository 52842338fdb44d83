"""`tinyops ci`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from pipeline.cli.project import DemoOption, ProjectArgument, choose_project

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.ci.delivery import Delivery
    from pipeline.ci.preparation import Prepared


class Trigger(str, Enum):
    """What started this: a change that it has to find, or the clock."""

    CHANGE = "change"
    SCHEDULE = "schedule"


class Until(str, Enum):
    """The last step that is wanted, of those where it makes sense to stop."""

    TESTS = "tests"
    VERIFY = "verify"
    REGISTER = "register"
    REPORT = "report"


def ci(
    project: ProjectArgument = None,
    demo: DemoOption = False,
    trigger: Annotated[
        Trigger, typer.Option(help="`schedule` runs the pipeline even if nothing changed.")
    ] = Trigger.CHANGE,
    since: Annotated[
        Optional[str],  # noqa: UP045 - typer reads the annotation at run time, on Python 3.10
        typer.Option(help="The commit to compare with; without it, that of the last time that all was done."),
    ] = None,
    until: Annotated[Until, typer.Option(help="The last step that is wanted, e.g. `verify` for a pull request.")] = (
        Until.REPORT
    ),
    approved_by: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            envvar="TINYOPS_APPROVED_BY",
            help="Who lets the run reach production boards; without it, it is not started.",
        ),
    ] = None,
    host: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="The API server; without it, `ci.host` of the config or KF_PIPELINES_ENDPOINT."),
    ] = None,
    namespace: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Whose pipeline and run it is, where Kubeflow has several users."),
    ] = None,
    timeout: Annotated[float, typer.Option(min=0, help="Longest wait for the run, in seconds.")] = 7200.0,
    workspace: Annotated[
        Path, typer.Option(help="Folder that keeps what was done last time, and the compiled file.")
    ] = Path(".tinyops"),
    plan: Annotated[bool, typer.Option("--plan", help="Say what changed and what would run, and run nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Do what a change asks for: lint, tests, build, compile, verify, register, run, wait, report.

    What changed since the last time decides. Documentation: lint. Code: everything. Data or a schedule: everything from
    compile on. Nothing: nothing. `build` makes the image, if the config has commands for it. The project must lie in a
    git repository.

    A run ends on production boards. It is started only if somebody is named who approved; until then all that comes
    before is done, and the command ends well and says that it waits.

    Exit status: 0 done, nothing to do, or waiting for an approval; 1 a step failed; 3 the model was refused;
    130 stopped by Ctrl-C, 143 by SIGTERM.
    """
    from rich.console import Console

    from edge_deployer.cli.output import progress_stream
    from pipeline.ci import view
    from pipeline.ci.decision import CiStep
    from pipeline.ci.preparation import Request, prepare

    request = Request(
        config=choose_project(project, demo=demo),
        workspace=workspace,
        since=since,
        scheduled=trigger is Trigger.SCHEDULE,
        until=CiStep(until.value),
        approved_by=(approved_by or "").strip() or None,
        host=host,
        namespace=namespace,
        timeout_s=timeout,
    )
    prepared = prepare(request)
    if plan:
        view.print_plan(prepared, as_json=as_json)
        return
    delivery = _deliver(prepared, Console(file=progress_stream(), highlight=False, soft_wrap=True))
    view.print_outcome(prepared, delivery, as_json=as_json)
    if status := view.exit_status(delivery):
        raise typer.Exit(status)


def _deliver(prepared: Prepared, console: Console) -> Delivery:
    from edge_deployer.ending import Ended
    from pipeline.ci import view
    from pipeline.ci.tools import real_tools

    view.show_reasons(console, prepared)
    delivery = prepared.delivery(real_tools(), lambda line: console.print(line, markup=False))
    prepared.memory.begin()
    try:
        delivery.run(lambda outcome: view.show_step(console, outcome), prepared.memory)
    except Ended as ended:
        run = delivery.steps.run_url
        ended.left = f"the run goes on: {run}" if run else "no run was started"
        raise
    return delivery
