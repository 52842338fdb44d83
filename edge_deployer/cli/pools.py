"""`tinyops pools`: what runs where, who holds which board, and which releases lie below the floor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_deployer.cli.options import WORKSPACE, AsJson, InventoryFile


def pools(
    pool: Annotated[
        str | None, typer.Argument(metavar="[POOL]", help="staging, production or spare; all of them without.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="Only boards with this tag; may be given several times.")
    ] = None,
    inventory: InventoryFile = None,
    workspace: Annotated[
        Path, typer.Option(help="Folder for releases, virtual boards, leases and the trail.")
    ] = WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Show each board's pool, the release that it ran when it last was asked, who holds it, and whether it is trusted.

    No board is touched: what is shown is what the trail in WORKSPACE/fleet says. `tinyops boards probe` asks the boards
    themselves. The last lines are the releases in production, the store's security floor and a rollout that has not
    ended.
    """
    from edge_deployer.boards.bench import Bench
    from edge_deployer.boards.pools import read_pools
    from edge_deployer.cli.boards.pool_table import print_pools

    bench = Bench.load(inventory, workspace)
    print_pools(read_pools(bench, pool, tuple(tag or ())), as_json=as_json)
