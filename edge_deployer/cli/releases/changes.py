"""Prints what a release changes, what was removed, and what revoking one came to."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape

from edge_deployer.cli import output
from edge_deployer.release.difference import ReleaseDifference
from edge_deployer.release.store import Removed, Revocation
from edge_deployer.report import formats
from edge_deployer.report.change_view import change_rows, file_rows


def print_difference(found: ReleaseDifference, *, as_json: bool) -> None:
    """A row for each figure and size, and for whatever else is not the same."""
    if as_json:
        output.print_json(found)
        return
    console = output.console()
    model = "another model" if found.model_changed else "the same model"
    console.print(
        f"[bold]{escape(found.release.release_id)}[/] against [bold]{escape(found.against.release_id)}[/]: {model}"
    )
    rows = [*change_rows(found), *file_rows(found)]
    titles = ("what", found.against.release_id, found.release.release_id, "change")
    output.print_table(titles, [(row.name, row.before, row.after, row.change) for row in rows])


def print_removed(removed: Sequence[Removed], *, dry_run: bool, as_json: bool) -> None:
    """Each release with its size, and all of them together."""
    total = sum(release.size for release in removed)
    if as_json:
        output.print_json({"dry_run": dry_run, "bytes": total, "removed": list(removed)})
        return
    done = "would be removed" if dry_run else "removed"
    if removed:
        rows = [(release.release_id, release.stage, formats.byte_count(release.size)) for release in removed]
        output.print_table(("release", "stage", "size"), rows)
    counted = f"{len(removed)} release{'' if len(removed) == 1 else 's'}"
    output.console().print(f"{counted} {done}, {formats.byte_count(total)}")


def print_revocation(found: Revocation, *, as_json: bool) -> None:
    """The floor, and what else lies below it."""
    if as_json:
        output.print_json(found)
        return
    console = output.console()
    moved = "is now" if found.raised else "was already"
    console.print(f"[bold]{escape(found.release_id)}[/] is revoked; the security floor {moved} {found.floor}")
    others = [other for other in found.below if other != found.release_id]
    console.print(f"  below it as well: {escape(', '.join(others)) or 'none'}")
    console.print("  boards: keep what they run; the next release that is confirmed on them raises their own floor")
    console.print("  next: push a model that is to run; what lies below is signed anew then, as another release")
