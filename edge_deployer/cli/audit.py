"""`tinyops audit`: is the trail of what was done to boards whole?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_deployer.cli.exit_status import EXIT_REFUSED
from edge_deployer.cli.options import WORKSPACE, AsJson

audit = typer.Typer(name="audit", no_args_is_help=True, add_completion=False, rich_markup_mode=None)

_Workspace = Annotated[Path, typer.Option(help="Folder that has the trail.")]


@audit.callback()
def about() -> None:
    """Check the trail of what was done to boards and releases, and print it.

    Every step, decision and wish is an entry in WORKSPACE/fleet/trail.sqlite. Each has a hash over itself and the hash
    of the one before. When a rollout ends, the last entry's is signed: WORKSPACE/fleet/head.json. A copy of that file,
    kept elsewhere, shows later whether the trail was cut short.

    Exit status: 0 the trail is whole, 1 an error, 2 wrong usage, 3 it was changed.
    """


@audit.command(epilog="Example: tinyops audit verify --head heads/2026-11-01.json --public-key release.pub.pem")
def verify(
    head: Annotated[
        Path | None, typer.Option(help="A signed head that was kept elsewhere; default: the one beside the trail.")
    ] = None,
    public_key: Annotated[
        Path | None, typer.Option(help="ed25519 public key, PEM, that signed the head; default: the workspace's.")
    ] = None,
    workspace: _Workspace = WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Look for entries that were changed, are missing or were moved, and for an end that was cut off."""
    from edge_deployer.cli.auditing import print_audit, verify_trail

    result = verify_trail(workspace, head, public_key)
    print_audit(result, as_json=as_json)
    if result.faults:
        raise typer.Exit(EXIT_REFUSED)


@audit.command(epilog="Example: tinyops audit log --rollout r2")
def log(
    rollout: Annotated[str | None, typer.Option(help="Only entries of this rollout.")] = None,
    board: Annotated[str | None, typer.Option(help="Only entries of this board.")] = None,
    workspace: _Workspace = WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Print the entries, the first one first."""
    from edge_deployer.cli.auditing import print_log

    print_log(workspace, rollout, board, as_json=as_json)
