"""Prints releases, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from rich.markup import escape

from edge_deployer.cli import output
from edge_deployer.export.arena import Arena
from edge_deployer.export.c_sources import Export
from edge_deployer.finding import Finding
from edge_deployer.public_key import key_id, public_keys
from edge_deployer.release.bundle import Bundle
from edge_deployer.release.manifest import Manifest
from edge_deployer.release.model_card import FACTS_FILE, PAGE_FILE
from edge_deployer.release.opening import ListedRelease, Standing, Verified
from edge_deployer.release.stages import StageStep
from edge_deployer.release.store import ReleaseStore
from edge_deployer.report import formats
from edge_deployer.report.words import front_end_in_words, in_words


def print_list(found: Sequence[ListedRelease], store: ReleaseStore, workspace: Path, *, as_json: bool) -> None:
    """A line a release; one that is damaged is named with what is wrong. Below them the security floor."""
    floor = store.floor
    if as_json:
        output.print_json([{**_fields(release), "floor": floor} for release in found])
        return
    if not found:
        output.console().print(f"no release is in {escape(str(workspace))}")
        return
    titles = ("release", "stage", "since", "model", "profile", "figures", "size", "features", "replaced")
    ids = store.ids()
    output.print_table(titles, (_row(release, ids) for release in found))
    if floor:
        below = sum(release.is_below_floor for release in found)
        output.console().print(f"security floor {floor}: {below} of these lie below it and go to no board")


def print_release(bundle: Bundle, standing: Standing | None, *, as_json: bool) -> None:
    """The manifest of a verified release, and where it stands."""
    manifest = bundle.manifest
    if as_json:
        output.print_json(
            {
                "release": bundle.release_id,
                "folder": str(bundle.folder),
                "image_hash": bundle.image.hash.hex(),
                "security_counter": bundle.security_counter,
                "standing": _standing_fields(standing),
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
        "figures": _figures(manifest) or "none",
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
        "counter": str(bundle.security_counter),
    }
    for name, fact in facts.items():
        console.print(f"  {name}: {escape(fact)}")
    if standing is None:
        console.print("  stage: not known; this workspace has no record of it")
        return
    is_below = bundle.security_counter < standing.floor
    console.print(f"  floor: {standing.floor}{': the release lies below it and goes to no board' if is_below else ''}")
    for step in standing.history.steps:
        console.print(f"  {step.stage}: {escape(_step(step))}")


def print_verified(found: Verified, attested: Finding, standing: Standing | None, *, as_json: bool) -> None:
    """What was verified, by whose key, and what staging attested."""
    bundle, fingerprint = found.bundle, _fingerprint(found.public_pem)
    if as_json:
        output.print_json(
            {
                "release": bundle.release_id,
                "folder": str(bundle.folder),
                "image_hash": bundle.image.hash.hex(),
                "trust": found.trust,
                "key_sha256": fingerprint,
                "parts": sorted(bundle.manifest.parts),
                "security_counter": bundle.security_counter,
                "attestation": {"code": attested.code, "words": in_words(attested)},
                "standing": _standing_fields(standing),
            }
        )
        return
    console = output.console()
    told = "whole, but nobody was named who may have signed it" if found.trust == "own" else "verified"
    console.print(f"{escape(bundle.manifest.name)} [bold]{escape(bundle.release_id)}[/], {told}")
    console.print(f"  image: hash {bundle.image.hash.hex()}, signature and SHA-256 right")
    console.print(f"  files: {len(bundle.manifest.parts)} as the signed manifest has them")
    console.print(f"  key: {_KEYS[found.trust]}, SHA-256 {fingerprint}")
    console.print(f"  attestation: {escape(in_words(attested))}")
    if standing is not None:
        console.print(f"  stage: {standing.history.stage}")
        if bundle.security_counter < standing.floor:
            console.print(f"  floor: {standing.floor}: the release lies below it and goes to no board")
    if found.trust == "own":
        console.print(
            "  remedy: compare that SHA-256 with one that you trust, or give the signer's key: --public-key FILE"
        )


_KEYS: Final = {
    "given": "the one that was given",
    "workspace": "the workspace's",
    "own": "the one that the bundle itself brings, which shows nothing of who signed it",
}


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
    last = release.history.steps[-1]
    promotion = release.history.promotion()
    return {
        "release": release.release_id,
        "folder": str(release.folder),
        "image_hash": release.history.image_hash,
        "stage": release.history.stage,
        "since": last.at,
        "by": last.by,
        "replaced": promotion.replaces if promotion else None,
        "revoked": release.history.revoked.reason if release.history.revoked else None,
        "below_floor": release.is_below_floor,
        "size": release.size,
        "promoted": promotion is not None,
        "damage": release.damage,
        "manifest": release.manifest,
    }


def _row(release: ListedRelease, ids: Mapping[str, str]) -> tuple[str, ...]:
    manifest, promotion = release.manifest, release.history.promotion()
    revoked = ", revoked" if release.history.revoked else ""
    stage = (f"{release.history.stage}{revoked}", formats.utc(release.history.steps[-1].at))
    if manifest is None:
        told = release.damage or "of another version of tinyops"
        return (release.release_id, *stage, told, "", "", formats.byte_count(release.size), "", "")
    before = promotion.replaces if promotion else None
    return (
        release.release_id,
        *stage,
        manifest.name,
        manifest.board_profile,
        _figures(manifest) or "none",
        formats.byte_count(release.size),
        _features(manifest),
        ids.get(before, formats.short_hash(before)) if before else "",
    )


def _standing_fields(standing: Standing | None) -> dict[str, object] | None:
    if standing is None:
        return None
    history = standing.history
    return {
        "stage": history.stage,
        "steps": history.steps,
        "replaced": standing.replaced,
        "floor": standing.floor,
    }


def _step(step: StageStep) -> str:
    told = f"{formats.utc(step.at)}, {step.by}"
    told += f", in place of {formats.short_hash(step.replaces)}" if step.replaces else ""
    told += f", compared with {formats.short_hash(step.compared_with)}" if step.compared_with else ""
    return told + (f"; revoked: {step.reason}" if step.reason else "")


def _figures(manifest: Manifest) -> str:
    return ", ".join(f"{name} {formats.number(figure)}" for name, figure in manifest.metrics.items())


def _fingerprint(public_pem: bytes) -> str:
    """SHA-256 of the key as MCUboot has it in an image's key hash."""
    return ", ".join(key_id(key) for key in public_keys(public_pem))


def _arena(manifest: Manifest) -> str:
    return "not known" if manifest.arena_bytes is None else formats.byte_count(manifest.arena_bytes)


def _features(manifest: Manifest) -> str:
    return "nothing is said" if manifest.front_end is None else front_end_in_words(manifest.front_end)
