"""`tinyops boards`: look at single boards, test them, and install, confirm, revert or run a model on one by hand."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_deployer.cli.exit_status import EXIT_ERROR, EXIT_REFUSED
from edge_deployer.cli.options import WORKSPACE, AsJson, InventoryFile, TakeOverOption, WaitOption

if TYPE_CHECKING:
    from edge_deployer.boards.actions import Action
    from edge_deployer.boards.bench import Bench
    from edge_deployer.inventory.quarantine import Confinement

boards = typer.Typer(name="boards", no_args_is_help=True, add_completion=False, rich_markup_mode=None)

_Name = Annotated[str, typer.Argument(help="The board's name in the inventory.")]
_Workspace = Annotated[Path, typer.Option(help="Folder for releases, virtual boards and logs.")]


@boards.callback()
def about() -> None:
    """Look at single boards, test them, and install, confirm, revert or run a model on one by hand.

    A release goes to one board by `install`, a look at it with `probe` and `infer`, and then `confirm` or `revert`.
    `tinyops push` does the same to all boards, with acceptance in between. A board that it puts in quarantine comes
    back through `health` alone. A virtual board is powered for as long as a
    command needs it; its flash stays in the workspace.

    Exit status: 0 done, 1 an error or a board that does not answer, 2 wrong usage, 3 refused with a reason, 128 and the
    signal's number if a signal stopped it: 130 for Ctrl-C, 143 for SIGTERM.
    """


@boards.command("list", epilog="Example: tinyops boards list --inventory boards.yaml")
def list_boards(
    inventory: InventoryFile = None,
    workspace: _Workspace = WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """List the boards of the inventory, and which of them are in quarantine. No board is touched."""
    from edge_deployer.cli.boards.listing import print_list
    from edge_deployer.inventory.inventory import load_inventory

    print_list(load_inventory(inventory), _confined(workspace), as_json=as_json)


@boards.command(epilog="Example: tinyops boards probe door-1 door-2")
def probe(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="The boards; all of them if none is named.")
    ] = None,
    inventory: InventoryFile = None,
    workspace: _Workspace = WORKSPACE,
    wait: WaitOption = 0.0,
    take_over: TakeOverOption = False,
    as_json: AsJson = False,
) -> None:
    """Ask boards, all at once, what they run and how they are. One that does not answer makes the exit status 1."""
    from edge_deployer.boards.probe import probe_boards
    from edge_deployer.cli.boards.answers import print_probes
    from edge_deployer.ending import run_to_end

    bench = _bench(inventory, workspace, wait, take_over)
    found = run_to_end(probe_boards(bench, bench.entries(names)))
    print_probes(found, _confined(workspace), as_json=as_json)
    if not all(row.reachable for row in found):
        raise typer.Exit(EXIT_ERROR)


@boards.command(epilog="Example: tinyops boards health bench-2")
def health(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="The boards to test; if none is named, none is tested."),
    ] = None,
    inventory: InventoryFile = None,
    workspace: _Workspace = WORKSPACE,
    wait: WaitOption = 0.0,
    take_over: TakeOverOption = False,
    as_json: AsJson = False,
) -> None:
    """Show which boards are in quarantine, since when and why; with names, test those boards, all at once.

    The test is all that acceptance asks of a staging board, on a release that is known to be good: the promoted one
    that the board runs, or else the latest promoted one, on trial. A board that passes is let out of quarantine, one
    that fails is put there. It ends with the image it had, after Ctrl-C or SIGTERM too.

    Exit status 3 if a board fails, if no decision is reached, or if it has an image on trial and is not tested.
    """
    from edge_deployer.cli.boards.listing import print_health, print_self_tests
    from edge_deployer.inventory.inventory import load_inventory

    if not names:
        print_health(load_inventory(inventory), _confined(workspace), as_json=as_json)
        return
    from edge_deployer.boards.self_test import self_test
    from edge_deployer.cli.progress import run_shown

    bench = _bench(inventory, workspace, wait, take_over)
    tests = run_shown(partial(self_test, bench, bench.entries(names)), quiet=as_json)
    print_self_tests(tests, as_json=as_json)
    results = {test.result for test in tests}
    if not results <= {"passed"}:
        raise typer.Exit(EXIT_ERROR if results <= {"passed", "not reached"} else EXIT_REFUSED)


@boards.command(epilog="Example: tinyops boards install door-1 1.0.0+3")
def install(
    name: _Name,
    image: Annotated[
        str,
        typer.Argument(
            metavar="IMAGE_OR_RELEASE",
            help="A signed MCUboot image file, a release's folder, or the id of a release in the workspace.",
        ),
    ],
    inventory: InventoryFile = None,
    workspace: _Workspace = WORKSPACE,
    wait: WaitOption = 0.0,
    take_over: TakeOverOption = False,
    as_json: AsJson = False,
) -> None:
    """Upload an image to a board and boot it on trial. The next reset takes it back unless it is confirmed.

    An image that is damaged, does not fit, or is not signed with the key that the board is known to trust is refused
    before the board is touched.
    """
    from edge_deployer.boards.actions import install as action

    _act(partial(action, image), name, _bench(inventory, workspace, wait, take_over), as_json=as_json)


@boards.command(epilog="Example: tinyops boards confirm door-1")
def confirm(
    name: _Name,
    inventory: InventoryFile = None,
    workspace: _Workspace = WORKSPACE,
    wait: WaitOption = 0.0,
    take_over: TakeOverOption = False,
    as_json: AsJson = False,
) -> None:
    """Keep the image that a board runs on trial, if it proves itself; refuse with the reason otherwise.

    The model must load and cause no fault, and the image must be the one that the board says it booted. If its release
    is in the workspace, one of the first three samples of the acceptance set must come out right, too.
    """
    from edge_deployer.boards.actions import confirm as action

    _act(action, name, _bench(inventory, workspace, wait, take_over), as_json=as_json)


@boards.command(epilog="Example: tinyops boards revert door-1")
def revert(
    name: _Name,
    inventory: InventoryFile = None,
    workspace: _Workspace = WORKSPACE,
    wait: WaitOption = 0.0,
    take_over: TakeOverOption = False,
    as_json: AsJson = False,
) -> None:
    """Give a board its earlier image back.

    An image on trial is taken back by a reset. If the running image is confirmed, the image in the spare slot boots
    instead of it, and is confirmed once it proves itself as in `confirm`.
    """
    from edge_deployer.boards.actions import revert as action

    _act(action, name, _bench(inventory, workspace, wait, take_over), as_json=as_json)


@boards.command(epilog="Example: tinyops boards infer door-1 samples.npz")
def infer(
    name: _Name,
    file: Annotated[
        Path,
        typer.Argument(
            help="Samples: an .npy, an .npz with the array `inputs`, or a .csv with one line of numbers per sample."
        ),
    ],
    inventory: InventoryFile = None,
    workspace: _Workspace = WORKSPACE,
    wait: WaitOption = 0.0,
    take_over: TakeOverOption = False,
    as_json: AsJson = False,
) -> None:
    """Run samples on a board: the scores, the class they name and the time of each.

    Integers of the model's own input type go to it as they are; all other numbers are real values and are quantised
    with the model's scale.
    """
    from edge_deployer.boards.inference import infer_file
    from edge_deployer.cli.boards.answers import print_inference
    from edge_deployer.ending import run_to_end
    from edge_deployer.release.sample_files import read_samples

    bench = _bench(inventory, workspace, wait, take_over)
    entry, samples = bench.entry(name), read_samples(file)
    inference = run_to_end(infer_file(bench, entry, samples, file.name))
    print_inference(inference, as_json=as_json)


@boards.command(epilog="Example: tinyops boards log door-1")
def log(
    name: _Name, inventory: InventoryFile = None, workspace: _Workspace = WORKSPACE, as_json: AsJson = False
) -> None:
    """Show what happened to a board, oldest first: deployments of this workspace, and what `tinyops boards` did.

    No board is touched. With --json, the lines of a virtual board's own log are in `firmware_log`.
    """
    from edge_deployer.boards.bench import Bench
    from edge_deployer.boards.log import firmware_log, recorded_steps
    from edge_deployer.cli.boards.answers import print_log
    from edge_deployer.report.folders import REPORT_JSON

    bench = Bench.load(inventory, workspace)
    entry = bench.entry(name)
    print_log(
        recorded_steps(workspace, name, workspace.rglob(REPORT_JSON)), firmware_log(bench, entry), as_json=as_json
    )


def _confined(workspace: Path) -> dict[str, Confinement]:
    """The workspace's boards in quarantine, by name."""
    from edge_deployer.inventory.quarantine import Quarantine

    return Quarantine(workspace / "boards").boards()


def _bench(inventory: Path | None, workspace: Path, wait: float, take_over: bool) -> Bench:
    from edge_deployer.boards.bench import Bench
    from edge_deployer.cli.waiting import patience_of

    return Bench.load(inventory, workspace, patience_of(wait), take_over=take_over)


def _act(action: Action, name: str, bench: Bench, *, as_json: bool) -> None:
    """Do something to one board, show how it ended, and set the exit status."""
    from edge_deployer.cli.boards.answers import print_outcome
    from edge_deployer.cli.progress import run_shown

    outcome = run_shown(partial(action, bench, bench.entry(name)), quiet=as_json)
    print_outcome(outcome, as_json=as_json)
    if outcome.refused:
        raise typer.Exit(EXIT_REFUSED)
