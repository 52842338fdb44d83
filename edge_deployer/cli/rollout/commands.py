"""`tinyops rollout`: take a release of the workspace to production in waves, watch it, and take it back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_deployer.cli.exit_status import EXIT_REFUSED
from edge_deployer.cli.options import (
    WORKSPACE,
    ApproveOption,
    AsJson,
    InventoryFile,
    ReplaceOption,
    TakeOverOption,
    WaitOption,
)
from edge_deployer.cli.user import user_name

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from edge_deployer.cli.rollout.desk import Desk
    from edge_deployer.rollout.controller import RolloutController
    from edge_deployer.rollout.decision import Wish
    from edge_deployer.rollout.record import Progress

rollout = typer.Typer(name="rollout", no_args_is_help=True, add_completion=False, rich_markup_mode=None)

_Id = Annotated[str, typer.Argument(metavar="ROLLOUT", help="Its id, as `tinyops rollout history` lists it.")]
_Inventory = Annotated[
    Path | None, typer.Option(help="The boards, a YAML file or a folder of them; default: those that it began with.")
]
_Workspace = Annotated[Path, typer.Option(help="Folder for releases, virtual boards, leases and the trail.")]
_Key = Annotated[
    Path | None, typer.Option(help="ed25519 private key, PEM, that signs the attestation; default: the workspace's.")
]
_Who = Annotated[str | None, typer.Option(help="Who says so; default: the user of this machine.")]
_Why = Annotated[str, typer.Option(help="Why; kept in the trail.")]


@rollout.callback()
def about() -> None:
    """Take a release to production in waves, watch it, and take it back.

    A rollout's every step is written to WORKSPACE/fleet before it is taken: whatever ends a command, the next one knows
    what each board had, and finishes the rollout or takes it back. Ctrl-C pauses a rollout: boards that are on trial go
    back to the release that they had, and `resume` goes on.

    A strategy says in which waves, past which gates; without one a canary of one board comes first, then the rest.

    Exit status: 0 done, or it waits for somebody, 1 an error or boards in use, 2 wrong usage, 3 refused or taken back
    with a reason, 128 and the signal's number if a signal stopped it.
    """


@rollout.command(epilog="Example: tinyops rollout start 1.0.0+3 --strategy waves.yaml --dry-run")
def start(
    release: Annotated[
        str, typer.Argument(metavar="RELEASE", help="A release of the workspace: version and build, id or image hash.")
    ],
    inventory: InventoryFile = None,
    plan: Annotated[Path | None, typer.Option(help="Acceptance plan, YAML; without it, the default plan.")] = None,
    strategy: Annotated[Path | None, typer.Option(help="Strategy, YAML; without it, a canary and the rest.")] = None,
    workspace: _Workspace = WORKSPACE,
    signing_key: _Key = None,
    replace: ReplaceOption = False,
    approve: ApproveOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show waves and boards, and begin nothing.")] = False,
    wait: WaitOption = 0.0,
    take_over: TakeOverOption = False,
    as_json: AsJson = False,
) -> None:
    """Roll a release out: staging, unless it has accepted it by this plan before, then production in waves.

    A rollout of the same release that was interrupted goes on; one of another release is taken back first. A release
    that production runs already changes nothing.
    """
    from edge_deployer.cli.rollout.answers import print_plan
    from edge_deployer.cli.rollout.desk import Desk

    desk = Desk.of(inventory, workspace, wait_minutes=wait, take_over=take_over)
    bundle = desk.release(release)
    terms = desk.terms(bundle, plan, strategy, replaces=replace, approve=approve)
    if dry_run:
        with desk.controller() as controller:
            print_plan(controller.plan(bundle, terms), as_json=as_json)
        return
    _drive(desk, lambda controller: controller.start(bundle, terms), signing_key, as_json=as_json)


@rollout.command(epilog="Example: tinyops rollout status r2 --watch")
def status(
    rollout_id: Annotated[
        str | None, typer.Argument(metavar="[ROLLOUT]", help="Its id; the last one, if none is named.")
    ] = None,
    workspace: _Workspace = WORKSPACE,
    watch: Annotated[bool, typer.Option("--watch", help="Show its steps until it ends, pauses or waits.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say how far a rollout is. No board is touched."""
    from edge_deployer.cli.rollout.answers import print_progress
    from edge_deployer.cli.rollout.watching import known_rollout, watch_rollout
    from edge_deployer.release.opening import store_of

    if watch:
        watch_rollout(workspace, rollout_id, quiet=as_json)
    print_progress(known_rollout(workspace, rollout_id), store_of(workspace).ids(), as_json=as_json)


@rollout.command(epilog="Example: tinyops rollout history")
def history(workspace: _Workspace = WORKSPACE, as_json: AsJson = False) -> None:
    """List all rollouts, the newest first. No board is touched."""
    from edge_deployer.cli.rollout.answers import print_history
    from edge_deployer.cli.rollout.watching import all_rollouts

    print_history(all_rollouts(workspace), as_json=as_json)


@rollout.command(epilog="Example: tinyops rollout pause r2 --why 'shift change'")
def pause(
    rollout_id: _Id,
    why: _Why = "",
    who: _Who = None,
    workspace: _Workspace = WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Have a rollout stop before its next board. The command that works on it hears of it, and ends."""
    from edge_deployer.cli.rollout.desk import Desk

    desk = Desk.of_rollout(rollout_id, None, workspace)
    with desk.controller() as controller:
        _print(desk, controller.pause(rollout_id, user_name(who), why), as_json=as_json)


@rollout.command(epilog="Example: tinyops rollout approve r2 --why 'canary watched for a day'")
def approve(
    rollout_id: _Id,
    why: Annotated[str, typer.Option(help="Why; kept in the trail.")],
    who: _Who = None,
    workspace: _Workspace = WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Approve the wave that a rollout waits for; `resume` then goes on."""
    from edge_deployer.cli.rollout.desk import Desk

    desk = Desk.of_rollout(rollout_id, None, workspace)
    with desk.controller() as controller:
        _print(desk, controller.approve(rollout_id, user_name(who), why), as_json=as_json)


@rollout.command(epilog="Example: tinyops rollout resume r2")
def resume(
    rollout_id: _Id,
    inventory: _Inventory = None,
    workspace: _Workspace = WORKSPACE,
    signing_key: _Key = None,
    wait: WaitOption = 0.0,
    take_over: TakeOverOption = False,
    as_json: AsJson = False,
) -> None:
    """Go on with a rollout that was paused or interrupted, or whose wave was approved."""
    from edge_deployer.cli.rollout.desk import Desk

    desk = Desk.of_rollout(rollout_id, inventory, workspace, wait_minutes=wait, take_over=take_over)
    _drive(desk, lambda controller: controller.resume(rollout_id), signing_key, as_json=as_json)


@rollout.command(epilog="Example: tinyops rollout abort r2 --why 'wrong data set'")
def abort(
    rollout_id: _Id,
    why: _Why = "",
    who: _Who = None,
    inventory: _Inventory = None,
    workspace: _Workspace = WORKSPACE,
    signing_key: _Key = None,
    take_over: TakeOverOption = False,
    as_json: AsJson = False,
) -> None:
    """End a rollout, and give every board back what it had before."""
    from edge_deployer.cli.rollout.desk import Desk

    desk = Desk.of_rollout(rollout_id, inventory, workspace, take_over=take_over)
    _drive(desk, _turned_back("abort", rollout_id, who, why), signing_key, as_json=as_json)


@rollout.command(epilog="Example: tinyops rollout rollback r2 --why 'false alarms in the field'")
def rollback(
    rollout_id: _Id,
    why: _Why = "",
    who: _Who = None,
    inventory: _Inventory = None,
    workspace: _Workspace = WORKSPACE,
    signing_key: _Key = None,
    take_over: TakeOverOption = False,
    as_json: AsJson = False,
) -> None:
    """Give every board back what it had before the last rollout, also one that has ended, and ask each what it runs.

    An image that is on a board no more is installed again from the workspace.
    """
    from edge_deployer.cli.rollout.desk import Desk

    desk = Desk.of_rollout(rollout_id, inventory, workspace, take_over=take_over)
    _drive(desk, _turned_back("rollback", rollout_id, who, why), signing_key, as_json=as_json)


@rollout.command(epilog="Example: tinyops rollout probe r2")
def probe(
    rollout_id: _Id,
    inventory: _Inventory = None,
    workspace: _Workspace = WORKSPACE,
    signing_key: _Key = None,
    wait: WaitOption = 0.0,
    take_over: TakeOverOption = False,
    as_json: AsJson = False,
) -> None:
    """Ask the production boards of the last rollout their golden vectors again; a regression takes all back.

    To be run from time to time, by cron for instance. A board that does not answer is said to be away, which says
    nothing against the release. Exit status 3 if the boards were taken back.
    """
    from edge_deployer.cli.rollout.desk import Desk

    desk = Desk.of_rollout(rollout_id, inventory, workspace, wait_minutes=wait, take_over=take_over)
    _drive(desk, lambda controller: controller.probe(rollout_id), signing_key, as_json=as_json)


def _turned_back(
    wish: Wish, rollout_id: str, who: str | None, why: str
) -> Callable[[RolloutController], Coroutine[None, None, Progress]]:
    return lambda controller: controller.turn_back(rollout_id, wish, user_name(who), why)


def _drive(
    desk: Desk,
    work: Callable[[RolloutController], Coroutine[None, None, Progress]],
    key: Path | None,
    *,
    as_json: bool,
) -> None:
    from edge_deployer.cli.outcome import print_outcome

    progress, deployment, write_report = desk.drive(work, key, quiet=as_json)
    if deployment is None:
        _print(desk, progress, as_json=as_json)
        return
    print_outcome(deployment, write_report, as_json=as_json)
    if not deployment.pushed:
        raise typer.Exit(EXIT_REFUSED)


def _print(desk: Desk, progress: Progress, *, as_json: bool) -> None:
    from edge_deployer.cli.rollout.answers import print_progress

    print_progress(progress, desk.bench.releases.ids(), as_json=as_json)
