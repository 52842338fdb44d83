"""The boot logic on a small board: swap, trial, revert, signature, security counter."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from smp.image_management import IMG_MGMT_ERR

from edge_deployer.errors import TinyopsError
from edge_deployer.public_key import key_id, read_public_keys
from edge_deployer.virtual_board.boot import ImageRejected, verify_image
from edge_deployer.virtual_board.partitions import Flash, Slot
from edge_deployer.virtual_board.spare_slot import SpareSlot
from edge_deployer.virtual_board.trailer import Magic
from edge_deployer.wire.mcuboot import parse_image
from tests.edge_deployer.virtual_board.running_board import Signer, make_image
from tests.edge_deployer.virtual_board.small_board import PAGE_BYTES, SLOT_BYTES, Meter, SmallBoard

OLD_MODEL, NEW_MODEL = b"old" * 150, b"newer" * 160
_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def key(signer: Signer) -> tuple[Ed25519PublicKey, ...]:
    return read_public_keys(signer.public_key)


@pytest.fixture
def board(tmp_path: Path, key: tuple[Ed25519PublicKey, ...]) -> SmallBoard:
    board = SmallBoard(tmp_path / "flash", key)
    assert board.start() is None
    return board


@pytest.fixture(scope="module")
def old(signer: Signer) -> bytes:
    return signer.sign(OLD_MODEL, "1.0.0")


@pytest.fixture(scope="module")
def new(signer: Signer) -> bytes:
    return signer.sign(NEW_MODEL, "2.0.0")


@pytest.fixture(scope="module")
def another(signer: Signer) -> bytes:
    return signer.sign(OLD_MODEL, "3.0.0")


def stage(flash: Flash, image: bytes, *, permanent: bool = False) -> None:
    """Put into the secondary slot what the image group might refuse."""
    writer = SpareSlot(flash).start()
    writer.write(image)
    writer.finish()
    flash.set_pending(permanent=permanent)


def test_an_image_on_trial_is_reverted_by_the_next_boot(board: SmallBoard, old: bytes, new: bytes) -> None:
    stage(board.flash, old, permanent=True)
    assert [board.start() for _ in range(2)] == ["1.0.0", "1.0.0"]
    stage(board.flash, new)
    assert [board.start() for _ in range(3)] == ["2.0.0", "1.0.0", "1.0.0"]
    assert parse_image(board.flash.image(Slot.SECONDARY)) == parse_image(new)


def test_a_confirmed_image_stays_and_the_other_is_kept(board: SmallBoard, old: bytes, new: bytes) -> None:
    assert board.install(old) == "1.0.0"
    assert board.install(new) == "2.0.0"
    assert parse_image(board.flash.image(Slot.SECONDARY)) == parse_image(old)


def test_a_first_image_on_trial_reverts_to_nothing(board: SmallBoard, old: bytes) -> None:
    stage(board.flash, old)
    assert [board.start() for _ in range(3)] == ["1.0.0", None, None]
    assert board.test(old)["images"][0]["pending"]
    assert board.start() == "1.0.0"


def test_a_test_that_was_asked_for_can_be_made_permanent(board: SmallBoard, old: bytes) -> None:
    stage(board.flash, old)
    assert board.test(old, confirm=True)["images"][0]["permanent"]
    assert [board.start() for _ in range(2)] == ["1.0.0", "1.0.0"]


@pytest.mark.parametrize("fault", ["foreign", "unsigned", "changed", "cut", "misnamed"])
@pytest.mark.parametrize("permanent", [False, True])
def test_what_the_key_did_not_sign_never_boots(
    board: SmallBoard, old: bytes, new: bytes, stranger: Signer, fault: str, permanent: bool
) -> None:
    stage(board.flash, old, permanent=True)
    assert board.start() == "1.0.0"
    bad = {
        "foreign": lambda: stranger.sign(NEW_MODEL, "2.0.0"),
        "unsigned": lambda: make_image(NEW_MODEL, "2.0.0", None),
        "changed": lambda: new[:40] + b"\xa5" + new[41:],
        "cut": lambda: new[:-20],
        "misnamed": lambda: new.replace(parse_image(new).hash, bytes(32)),
    }[fault]()
    stage(board.flash, bad, permanent=permanent)
    assert [board.start() for _ in range(2)] == ["1.0.0", "1.0.0"]
    assert board.slots()[0]["confirmed"]
    assert board.flash.slots[Slot.SECONDARY].is_erased(0, SLOT_BYTES)


def test_a_primary_image_that_decays_does_not_boot_and_the_board_can_be_mended(board: SmallBoard, old: bytes) -> None:
    board.install(old)
    board.flash.slots[Slot.PRIMARY].erase(2)
    assert board.start() is None
    assert board.install(old) == "1.0.0"


def test_an_image_on_trial_stays_when_what_it_would_revert_to_has_decayed(
    board: SmallBoard, old: bytes, new: bytes
) -> None:
    board.install(old)
    stage(board.flash, new)
    assert board.start() == "2.0.0"
    board.flash.slots[Slot.SECONDARY].erase(2)
    assert [board.start() for _ in range(2)] == ["2.0.0", "2.0.0"]


@pytest.mark.parametrize("permanent", [False, True])
def test_an_image_below_the_security_floor_never_boots(
    board: SmallBoard, signer: Signer, old: bytes, permanent: bool
) -> None:
    revoking = signer.sign(NEW_MODEL, "2.0.0", security_counter=3)
    equal = signer.sign(OLD_MODEL, "1.1.0", security_counter=3)
    below = signer.sign(OLD_MODEL, "1.2.0", security_counter=2)
    board.install(old)
    assert board.flash.security_floor.value == 0
    board.install(revoking)
    assert board.flash.security_floor.value == 3
    for refused in (old, below):
        stage(board.flash, refused, permanent=permanent)
        assert board.start() == "2.0.0"
    assert board.install(equal) == "1.1.0"


def test_the_security_floor_does_not_rise_while_the_image_is_on_trial(
    board: SmallBoard, signer: Signer, old: bytes
) -> None:
    board.install(old)
    stage(board.flash, signer.sign(NEW_MODEL, "2.0.0", security_counter=3))
    assert board.start() == "2.0.0"
    assert board.flash.security_floor.value == 0
    assert board.start() == "1.0.0"
    assert board.flash.security_floor.value == 0


def test_an_image_of_the_largest_size_is_swapped_and_a_larger_one_refused(board: SmallBoard, signer: Signer) -> None:
    around = len(signer.sign(b"", "1.0.0"))
    largest = signer.sign(b"m" * (board.flash.largest_image - around), "1.0.0")
    assert len(largest) == board.flash.largest_image == SLOT_BYTES - 8 * PAGE_BYTES
    other = signer.sign(b"n" * (board.flash.largest_image - around), "2.0.0")
    assert [board.install(image) for image in (largest, other, largest)] == ["1.0.0", "2.0.0", "1.0.0"]
    larger = signer.sign(b"m" * (board.flash.largest_image - around + 1), "3.0.0")
    assert board.upload(larger) == {"err": {"group": 1, "rc": IMG_MGMT_ERR.INVALID_IMAGE_TOO_LARGE}}


@pytest.mark.parametrize(("slot_bytes", "page_bytes"), [(8192, 4096), (4096, 32)])
def test_a_slot_without_room_for_an_image_is_refused(tmp_path: Path, slot_bytes: int, page_bytes: int) -> None:
    with pytest.raises(TinyopsError, match="no room for an image"):
        Flash(tmp_path, slot_bytes, page_bytes, Meter())


def test_a_half_written_magic_does_not_stop_later_updates(board: SmallBoard, old: bytes) -> None:
    assert board.upload(old)["match"]
    board.flash.slots[Slot.SECONDARY].write(SLOT_BYTES - 16, b"\x77" + b"\xff" * 7)
    assert board.flash.trailers[Slot.SECONDARY].state.magic is Magic.BAD
    board.test(old)
    assert board.start() == "1.0.0"


@given(data=st.data(), damage=st.sampled_from(["overwrite", "flip", "cut", "insert"]))
def test_a_mutated_image_is_an_image_or_rejected(
    new: bytes, key: tuple[Ed25519PublicKey, ...], data: st.DataObject, damage: str
) -> None:
    at = data.draw(st.integers(0, len(new) - 1))
    noise = data.draw(st.binary(min_size=1, max_size=40))
    mutated = {
        "overwrite": new[:at] + noise + new[at + len(noise) :],
        "flip": new[:at] + bytes([new[at] ^ noise[0]]) + new[at + 1 :],
        "cut": new[:at],
        "insert": new[:at] + noise + new[at:],
    }[damage]
    intact = parse_image(new).signed
    try:
        image = verify_image(mutated, key)
    except ImageRejected:
        return
    # What still verifies carries what was signed: only bytes that nothing covers can have changed.
    assert image.signed == intact


@given(data=st.data())
def test_no_content_of_the_flash_stops_the_board(
    tmp_path_factory: pytest.TempPathFactory,
    key: tuple[Ed25519PublicKey, ...],
    old: bytes,
    new: bytes,
    another: bytes,
    data: st.DataObject,
) -> None:
    board = SmallBoard(tmp_path_factory.getbasetemp() / f"garbage{next(_NUMBERS)}", key)
    for slot, image in ((Slot.PRIMARY, old), (Slot.SECONDARY, new)):
        area, trailer = board.flash.slots[slot], board.flash.trailers[slot]
        area.write(0, data.draw(st.sampled_from([b"", image, bytes(512)])).ljust(1024, b"\xff"))
        garbage = data.draw(st.one_of(st.just(b""), st.binary(min_size=1016, max_size=1016)))
        if garbage:
            area.write(SLOT_BYTES - 1024, garbage[: 1024 - 48])
        if data.draw(st.booleans()):
            fields = st.lists(st.sampled_from([b"\xff" * 8, b"\x01" + b"\xff" * 7, b"\x02" + b"\xff" * 7, bytes(8)]))
            drawn = data.draw(fields)[:4]
            area.write(SLOT_BYTES - 48, b"".join(drawn).ljust(32, b"\xff"))
            if data.draw(st.booleans()):
                trailer.write_magic()
    version = board.start()
    assert version in {None, "1.0.0", "2.0.0"}
    # Two more boots end whatever trial or swap the garbage may have meant.
    board.start()
    assert board.start() == board.start()
    assert board.ask(1, 5, {}) == {}
    assert board.install(another) == "3.0.0"
    board.flash.close()


def test_a_board_with_two_keys_boots_what_either_signed(
    tmp_path: Path, key: tuple[Ed25519PublicKey, ...], old: bytes, new: bytes
) -> None:
    """A rotation: it trusts both, gets releases of either, and then the old key is dropped."""
    newer = Signer.generate(tmp_path)
    newer_key = read_public_keys(newer.public_key)
    rotated = newer.sign(NEW_MODEL, "4.0.0")
    board = SmallBoard(tmp_path / "flash", (*key, *newer_key))
    assert board.start() is None
    assert [board.install(image) for image in (old, rotated, new, rotated)] == ["1.0.0", "4.0.0", "2.0.0", "4.0.0"]
    board.flash.close()
    dropped = SmallBoard(tmp_path / "flash", newer_key)
    assert dropped.start() == "4.0.0"
    assert dropped.upload(old)["match"]
    dropped.test(old)
    assert dropped.start() == "4.0.0"


def test_the_key_hash_says_which_key_signed(key: tuple[Ed25519PublicKey, ...], tmp_path: Path, old: bytes) -> None:
    other = read_public_keys(Signer.generate(tmp_path).public_key)
    assert verify_image(old, (*other, *key)).version == "1.0.0"
    named_other = old.replace(bytes.fromhex(key_id(key[0])), bytes.fromhex(key_id(other[0])))
    with pytest.raises(ImageRejected, match="not by the key that it names"):
        verify_image(named_other, (*other, *key))
    with pytest.raises(ImageRejected, match="names another key than the board's"):
        verify_image(named_other, key)
