"""Releases that are known to be good: what a board can be tested against."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel

from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.boards.bench import Bench
from edge_deployer.boards.trial import Trial
from edge_deployer.errors import TinyopsError
from edge_deployer.files import read_record
from edge_deployer.inventory.inventory import BoardEntry, board_profile
from edge_deployer.release.bundle import Bundle
from edge_deployer.release.fit import misfit
from edge_deployer.release.store import ReleaseStore


class _Release(BaseModel):
    image_hash: str


class _Promotion(BaseModel):
    """The part of a promotion's record that is of interest here."""

    release: _Release
    plan: AcceptancePlan
    finished: AwareDatetime


def known_good(bench: Bench, entry: BoardEntry, running: str | None = None) -> Trial:
    """A promoted release that a board can be tested against, on the terms on which it was accepted.

    Args:
        bench: the board's bench; releases are those of its workspace.
        entry: the board.
        running: hex hash of the image that the board runs for good. If that was promoted, it is the one: nothing needs
            to be installed. Otherwise it is the latest promoted one that fits the board.

    Raises:
        TinyopsError: there is none, a record is damaged, or a release was altered.
    """
    latest_first = sorted(_promotions(bench.releases), key=lambda promotion: promotion.finished, reverse=True)
    # The sort is stable: among the others the latest stays first.
    for promotion in sorted(latest_first, key=lambda promotion: promotion.release.image_hash != running):
        bundle = bench.release_of(bytes.fromhex(promotion.release.image_hash), entry)
        if bundle and (promotion.release.image_hash == running or _may_be_installed(bundle, bench, entry)):
            return Trial.of(bundle, promotion.plan)
    raise TinyopsError(
        f"no release in {bench.workspace} is known to be good for {entry.name}",
        remedy="promote one on healthy boards with `tinyops push` first; it must fit the board and be signed with the "
        "key that the board trusts",
    )


def _promotions(releases: ReleaseStore) -> list[_Promotion]:
    """What was promoted, in no order."""
    remedy = "move the file out of the workspace, and push its release again"
    return [
        read_record(_Promotion, path, f"record of a promotion {path}", remedy=remedy)
        for path in releases.promotion_records()
    ]


def _may_be_installed(bundle: Bundle, bench: Bench, entry: BoardEntry) -> bool:
    found = bench.releases.below_floor(bundle.image.data) or misfit(
        board_profile(entry),
        board=entry.name,
        image_bytes=len(bundle.image.data),
        arena_bytes=bundle.manifest.arena_bytes,
        profiles=bundle.manifest.profiles,
    )
    return found is None
