"""Prints releases, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape

from edge_deployer.cli import output
from edge_deployer.export.arena import Arena
from edge_deployer.export.c_sources import Export
from edge_deployer.release.bundle import Bundle
from edge_deployer.release.manifest import Manifest
from edge_deployer.release.model_card import FACTS_FILE, PAGE_FILE
from edge_deployer.release.opening import ListedRelease
from edge_deployer.report import formats
from edge_deployer.report.words import front_end_in_words


def print_list(found: Sequence[ListedRelease], workspace: Path, *, as_json: bool) -> None:
    """A line a release; one that is damaged is named with what is wrong."""
    if as_json:
        output.print_json([_fields(release) for release in found])
        return
    if not found:
        output.console().print(f"no release is in {escape(str(workspace))}")
        return
    titles = ("release", "model", "task", "size", "arena", "features", "promoted")
    output.print_table(titles, (_row(release) for release in found))


def print_release(bundle: Bundle, *, as_json: bool) -> None:
    """The manifest of a verified release."""
    manifest = bundle.manifest
    if as_json:
        output.print_json(
            {
                "release": bundle.release_id,
                "folder": str(bundle.folder),
                "image_hash": bundle.image.hash.hex(),
                "manifest": manifest,
                "model_card": json.loads(bundle.card[FACTS_FILE]) if FACTS_FILE in bundle.card else None,
            }
        )
        return
    console = output.console()
    console.print(f"{escape(manifest.name)} [bold]{escape(bundle.release_id)}[/], verified")
    origin = manifest.provenance
    facts = {
        "model": f"{formats.byte_count(manifest.model_bytes)}, SHA-256 {manifest.model_sha256}",
        "image": f"{formats.byte_count(len(bundle.image.data))}, hash {bundle.image.hash.hex()}",
        "task": manifest.task or "not known",
        "figures": ", ".join(f"{name} {formats.number(figure)}" for name, figure in manifest.metrics.items()) or "none",
        "profile": manifest.board_profile,
        "for boards": f"of {', '.join(manifest.profiles)}" if manifest.profiles else "of all profiles that it fits",
        "arena": _arena(manifest),
        "features": _features(manifest),
        "run": origin.run_id or "not known",
        "commit": f"{origin.git_commit or 'not known'}{', with uncommitted changes' if origin.git_dirty else ''}",
        "data": origin.data_fingerprint or "not known",
        "files": ", ".join(manifest.parts),
        "card": str(bundle.folder / PAGE_FILE) if PAGE_FILE in bundle.card else "none; it was built before there were",
        "folder": str(bundle.folder),
    }
    for name, fact in facts.items():
        console.print(f"  {name}: {escape(fact)}")


def print_export(export: Export, arena: Arena, folder: Path, *, as_json: bool) -> None:
    """What was written, and where."""
    if as_json:
        output.print_json(
            {
                **export.model_dump(),
                "folder": str(folder),
                "arena": {
                    "bytes": arena.total,
                    "headroom": arena.headroom,
                    "host": arena.host,
                    "boards": arena.boards,
                },
            }
        )
        return
    console = output.console()
    console.print(f"{escape(export.release_id)}: {len(export.files)} files in [bold]{escape(str(folder))}[/]")
    rests = "reported by real boards" if arena.boards else "estimated on a 64-bit host; no real board has run it"
    sizes = f"{formats.byte_count(arena.needed)} and {formats.byte_count(arena.headroom)} of headroom"
    console.print(f"  arena:  {formats.byte_count(arena.total)}: {sizes}, {rests}")
    console.print(f"  read:   {escape(str(folder / 'README.md'))}")


def _fields(release: ListedRelease) -> dict[str, object]:
    return {
        "release": release.release_id,
        "folder": str(release.folder),
        "promoted": release.promoted,
        "damage": release.damage,
        "manifest": release.manifest,
    }


def _row(release: ListedRelease) -> tuple[str, ...]:
    manifest, promoted = release.manifest, "yes" if release.promoted else "no"
    if manifest is None:
        return (release.release_id, release.damage or "of another version of tinyops", "", "", "", "", promoted)
    return (
        release.release_id,
        manifest.name,
        manifest.task or "not known",
        formats.byte_count(manifest.model_bytes),
        _arena(manifest),
        _features(manifest),
        promoted,
    )


def _arena(manifest: Manifest) -> str:
    return "not known" if manifest.arena_bytes is None else formats.byte_count(manifest.arena_bytes)


def _features(manifest: Manifest) -> str:
    return "nothing is said" if manifest.front_end is None else front_end_in_words(manifest.front_end)
