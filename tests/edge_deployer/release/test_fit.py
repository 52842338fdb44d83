"""Whether a release fits a board: what is around a model in an image, and the limits to the byte."""

from __future__ import annotations

from typing import Any

import pytest

from edge_deployer.profile import load_profile
from edge_deployer.release.fit import misfit, smallest_image
from edge_deployer.release.image import sign_image
from edge_deployer.release.keys import SigningKey
from edge_deployer.release.refusals import AnotherProfile, Misfit
from edge_deployer.release.validation import validate_model
from edge_deployer.report.words import in_words
from tests.edge_deployer.conftest import one_hot_samples
from tests.edge_deployer.release.reasons import why
from tests.edge_deployer.tiny_models import identity_classifier

M4 = load_profile("cortex-m4")


def padded(size: int) -> bytes:
    """A model that runs, in a file of this size: a flatbuffer does not mind what follows it."""
    model = identity_classifier(4)
    return model + bytes(size - len(model))


@pytest.mark.parametrize("size", [1000, 1001, 1007])
def test_an_image_has_at_least_this_much_around_its_model(signing_key: SigningKey, size: int) -> None:
    image = sign_image(bytes(size), version="1.0.0+1", manifest=b"", key=signing_key)
    assert len(image.data) == smallest_image(size)


def test_slot_and_arena_are_filled_to_the_byte() -> None:
    room, arena = M4.image_bytes, M4.arena_bytes
    assert misfit(M4, board="m4", image_bytes=room, arena_bytes=arena) is None
    assert misfit(M4, board="m4", image_bytes=room, arena_bytes=None) is None
    assert misfit(M4, board="m4", image_bytes=room + 1, arena_bytes=arena) == Misfit(
        of="flash", board="m4", needed=room + 1, limit=room
    )
    assert misfit(M4, board="m4", image_bytes=room, arena_bytes=arena + 1) == Misfit(
        of="arena", board="m4", needed=arena + 1, limit=arena
    )


def test_a_release_is_for_the_profiles_that_it_states() -> None:
    room: dict[str, Any] = {"board": "b1", "image_bytes": M4.image_bytes, "arena_bytes": None}
    assert misfit(M4, **room, profiles=["cortex-m7", "cortex-m4"]) is None
    found = misfit(M4, **room, profiles=["cortex-m7", "cortex-m33"])
    assert found == AnotherProfile(board="b1", profile="cortex-m4", profiles=("cortex-m7", "cortex-m33"))
    assert in_words(found) == "the release is for boards of cortex-m7 and cortex-m33, and b1 is one of cortex-m4"


def test_validation_takes_the_trailer_off_a_slot_once() -> None:
    """`image_bytes` is a slot without its trailer: whatever boots from it must not be refused here."""
    data, most = one_hot_samples(4, 8), M4.image_bytes - smallest_image(0)
    fits = validate_model(padded(most), M4, data, acceptance_samples=4, seed=0)
    assert fits.report.blessed
    over = validate_model(padded(most + 1), M4, data, acceptance_samples=4, seed=0)
    assert f"a slot of cortex-m4 holds {M4.image_bytes:,}" in why(over.report)
