"""The boot logic over real files: swap, trial, revert, signature."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from edge_deployer.public_key import read_public_key
from edge_deployer.virtual_board.boot import boot
from edge_deployer.virtual_board.flash import Flash, Slot, Trailer
from edge_deployer.wire.mcuboot import parse_image
from tests.edge_deployer.tiny_models import rotating_classifier
from tests.edge_deployer.virtual_board.running_board import Signer, make_image


@pytest.fixture
def flash(tmp_path: Path) -> Flash:
    return Flash(tmp_path / "flash", 1 << 19)


@pytest.fixture
def key(signer: Signer) -> Ed25519PublicKey:
    return read_public_key(signer.public_key)


@pytest.fixture(scope="module")
def newer_image(signer: Signer) -> bytes:
    return signer.sign(rotating_classifier(), "2.0.0")


def stage(flash: Flash, image: bytes, pending: str) -> None:
    flash.erase(Slot.SECONDARY)
    flash.append(Slot.SECONDARY, image)
    flash.trailer = Trailer(flash.trailer.primary, pending, confirmed=True)


def booted_version(flash: Flash, key: Ed25519PublicKey) -> str | None:
    image = boot(flash, key)
    return image.version if image else None


def test_an_empty_board_boots_without_an_image(flash: Flash, key: Ed25519PublicKey) -> None:
    assert booted_version(flash, key) is None


def test_an_image_on_trial_is_reverted_by_the_next_boot(
    flash: Flash, key: Ed25519PublicKey, identity_image: bytes, newer_image: bytes
) -> None:
    stage(flash, identity_image, "permanent")
    assert [booted_version(flash, key) for _ in range(2)] == ["1.0.0", "1.0.0"]
    stage(flash, newer_image, "test")
    assert [booted_version(flash, key) for _ in range(3)] == ["2.0.0", "1.0.0", "1.0.0"]
    assert flash.read(Slot.SECONDARY) == newer_image


def test_a_first_image_on_trial_reverts_to_nothing(flash: Flash, key: Ed25519PublicKey, identity_image: bytes) -> None:
    stage(flash, identity_image, "test")
    assert [booted_version(flash, key) for _ in range(2)] == ["1.0.0", None]


@pytest.mark.parametrize("fault", ["foreign", "unsigned", "changed", "cut", "misnamed"])
@pytest.mark.parametrize("pending", ["test", "permanent"])
def test_what_the_key_did_not_sign_never_boots(
    flash: Flash,
    key: Ed25519PublicKey,
    identity_image: bytes,
    newer_image: bytes,
    stranger: Signer,
    fault: str,
    pending: str,
) -> None:
    stage(flash, identity_image, "permanent")
    assert booted_version(flash, key) == "1.0.0"
    bad = {
        "foreign": lambda: stranger.sign(rotating_classifier(), "2.0.0"),
        "unsigned": lambda: make_image(rotating_classifier(), "2.0.0", None),
        "changed": lambda: newer_image[:40] + b"\xa5" + newer_image[41:],
        "cut": lambda: newer_image[:-20],
        "misnamed": lambda: newer_image.replace(parse_image(newer_image).hash, bytes(32)),
    }[fault]()
    stage(flash, bad, pending)
    assert [booted_version(flash, key) for _ in range(2)] == ["1.0.0", "1.0.0"]
    assert flash.trailer.confirmed


def test_a_primary_image_that_decays_does_not_boot(flash: Flash, key: Ed25519PublicKey, identity_image: bytes) -> None:
    flash.append(Slot.PRIMARY, identity_image[:-20])
    assert booted_version(flash, key) is None


def test_a_swap_is_one_write_of_the_trailer(flash: Flash, identity_image: bytes, newer_image: bytes) -> None:
    flash.append(Slot.PRIMARY, identity_image)
    flash.append(Slot.SECONDARY, newer_image)
    flash.trailer = flash.trailer.swapped()
    assert (flash.read(Slot.PRIMARY), flash.read(Slot.SECONDARY)) == (newer_image, identity_image)
