"""Can a release be seen not to fit the boards of an inventory? No board is asked."""

from __future__ import annotations

from edge_deployer.boards.bench import Bench
from edge_deployer.errors import TinyopsError
from edge_deployer.inventory.inventory import board_profile
from edge_deployer.public_key import trusted_pem
from edge_deployer.release.bundle import Bundle
from edge_deployer.release.fit import misfit
from edge_deployer.release.image import read_image
from edge_deployer.rollout.course import Stop
from edge_deployer.rollout.refusals import AnotherKey


class Unfit(Stop):
    """A release does not fit the boards."""


def require_fit(bench: Bench, bundle: Bundle) -> None:
    """Stop where a release is signed by another key, was revoked, has no room, or is for other profiles.

    Raises:
        Unfit: it does not fit.
    """
    _require_trust(bench, bundle)
    if found := bench.releases.below_floor(bundle.image.data):
        raise Unfit("signature", found)
    _require_room(bench, bundle)


def _require_trust(bench: Bench, bundle: Bundle) -> None:
    trusted = trusted_pem(bench.inventory.public_key)
    if not trusted:
        return
    try:
        read_image(bundle.image.data, public_pem=trusted)
    except TinyopsError as error:
        key = ", ".join(map(str, bench.inventory.public_key))
        raise Unfit("signature", AnotherKey(release=bundle.release_id, key=key, message=error.message)) from error


def _require_room(bench: Bench, bundle: Bundle) -> None:
    for entry in bench.inventory.first_of_profile.values():
        profile = board_profile(entry)
        found = misfit(
            profile,
            board=f"{entry.name} ({profile.name})",
            image_bytes=len(bundle.image.data),
            arena_bytes=bundle.manifest.arena_bytes,
            profiles=bundle.manifest.profiles,
        )
        if found:
            raise Unfit("boards", found)
