"""Checks a workspace's trail, and prints it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.markup import escape

from edge_deployer.boards.trail import Head, Trail, faults_in
from edge_deployer.cli import output
from edge_deployer.errors import TinyopsError
from edge_deployer.files import read_file, require_plain_path
from edge_deployer.release.keys import load_public_key, own_public_pem
from edge_deployer.rollout.filing import head_file, read_head


@dataclass(frozen=True)
class Audit:
    """What a trail was found to be."""

    entries: int  # How many it has.
    head: Head | None  # The signed head that it was held against.
    kept: Literal["elsewhere", "beside the trail"] | None  # Where that lay.
    faults: list[str]


def verify_trail(workspace: Path, head: Path | None, public_key: Path | None) -> Audit:
    """Hold a workspace's trail against its own hashes, and against a signed head.

    Raises:
        TinyopsError: there is no trail, a file cannot be read, or no key that is trusted has signed the head.
    """
    require_plain_path(workspace, "workspace")
    fleet = workspace / "fleet"
    signed = read_file(head, f"head {head}") if head else head_file(fleet)
    known = None
    if signed is not None:
        pem = load_public_key(public_key) if public_key else own_public_pem(workspace)
        if not pem:
            raise TinyopsError(
                f"{workspace} has no key to verify the signed head with",
                remedy="name the public half of the key that signs releases: --public-key FILE",
            )
        known = read_head(signed, pem, f"the signed head {head or 'of the trail'}")
    with closing(Trail(fleet)) as trail:
        if not trail.path.exists():
            raise TinyopsError(f"{workspace} has no trail: nothing was done to a board", remedy="correct --workspace")
        entries = trail.entries()
    kept: Literal["elsewhere", "beside the trail"] = "elsewhere" if head else "beside the trail"
    return Audit(len(entries), known, kept if known else None, list(faults_in(entries, known)))


def print_audit(audit: Audit, *, as_json: bool) -> None:
    """Whether the trail is whole; or each fault."""
    if as_json:
        output.print_json(audit)
        return
    console = output.console()
    if audit.faults:
        console.print(f"[bold red]changed[/]: {len(audit.faults)} faults in {audit.entries} entries")
        for fault in audit.faults:
            console.print(f"  {escape(fault)}")
        return
    against = (
        f"up to the signed head, entry {audit.head.seq}, {audit.kept}" if audit.head else "there is no signed head"
    )
    console.print(f"[bold green]whole[/]: {audit.entries} entries; {against}")


def print_log(workspace: Path, rollout: str | None, board: str | None, *, as_json: bool) -> None:
    """One row per entry.

    Raises:
        TinyopsError: the trail cannot be read.
    """
    require_plain_path(workspace, "workspace")
    with closing(Trail(workspace / "fleet")) as trail:
        entries = [entry for entry in trail.entries(rollout) if board is None or entry.board == board]
    if as_json:
        output.print_json([{**vars(entry), "body": entry.content} for entry in entries])
        return
    rows = (
        (str(entry.seq), entry.at[:19], entry.rollout, entry.board, entry.kind, entry.body[:100], entry.hash[:8])
        for entry in entries
    )
    output.print_table(("entry", "at (UTC)", "rollout", "board", "what", "", "hash"), rows)
