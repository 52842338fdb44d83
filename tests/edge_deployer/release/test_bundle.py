"""Bundles: what is written is what is read, and nothing altered is."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import cbor2
import numpy as np
import pytest

from edge_deployer.acceptance.plan import Budget
from edge_deployer.errors import TinyopsError
from edge_deployer.release import front_end, model_card
from edge_deployer.release.bundle import (
    IMAGE_FILE,
    MANIFEST_FILE,
    DamagedBundle,
    archive,
    read_bundle,
    write_bundle,
)
from edge_deployer.release.keys import SigningKey
from edge_deployer.release.model_card import StatedUse
from edge_deployer.release.store import ReleaseStore
from edge_deployer.wire.mcuboot import parse_image
from tests.edge_deployer.candidates import MakeCandidate
from tests.edge_deployer.cards import card
from tests.edge_deployer.front_ends import on_board, on_host


def test_bundle_reads_back_whole(tmp_path: Path, make_candidate: MakeCandidate, signing_key: SigningKey) -> None:
    source = tmp_path / "model.py"
    source.write_text("layers = 3\n")
    candidate = make_candidate(sources={"model_source.tar.gz": [source]})
    written = write_bundle(candidate, tmp_path / "bundle", version="1.2.3+4", key=signing_key)
    read = read_bundle(tmp_path / "bundle", public_pem=signing_key.public_pem)
    assert read.image == written.image
    assert read.image.payload == candidate.model
    assert read.manifest == written.manifest
    assert read.manifest.version == "1.2.3+4"
    assert parse_image(read.image.data).version == "1.2.3.4"
    assert read.acceptance.to_bytes() == candidate.acceptance.to_bytes()
    with tarfile.open(tmp_path / "bundle" / "model_source.tar.gz") as tar:
        assert tar.getnames() == ["model.py"]


def test_imgtool_verifies_the_image_with_the_key(
    tmp_path: Path, make_candidate: MakeCandidate, signing_key: SigningKey
) -> None:
    bundle = write_bundle(make_candidate(), tmp_path / "bundle", version="1.0.0+1", key=signing_key)
    command = [sys.executable, "-m", "imgtool.main", "verify", "--key", signing_key.path, bundle.folder / IMAGE_FILE]
    assert "Image was correctly validated" in subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_payload_is_aligned_as_a_flatbuffer_wants(
    tmp_path: Path, make_candidate: MakeCandidate, signing_key: SigningKey
) -> None:
    bundle = write_bundle(make_candidate(), tmp_path / "bundle", version="1.0.0+1", key=signing_key)
    assert bundle.image.data.index(bundle.image.payload) % 16 == 0


def test_a_part_that_was_altered_is_refused(
    tmp_path: Path, make_candidate: MakeCandidate, signing_key: SigningKey
) -> None:
    bundle = write_bundle(make_candidate(), tmp_path / "bundle", version="1.0.0+1", key=signing_key)
    for name in bundle.manifest.parts:
        path = bundle.folder / name
        original = path.read_bytes()
        path.write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
        with pytest.raises(TinyopsError, match=name):
            read_bundle(bundle.folder, public_pem=signing_key.public_pem)
        path.write_bytes(original)
    read_bundle(bundle.folder, public_pem=signing_key.public_pem)


def test_an_image_with_one_flipped_bit_is_refused(
    tmp_path: Path, make_candidate: MakeCandidate, signing_key: SigningKey
) -> None:
    bundle = write_bundle(make_candidate(), tmp_path / "bundle", version="1.0.0+1", key=signing_key)
    for position in (3, 40, len(bundle.image.data) // 2, len(bundle.image.data) - 1):
        damaged = bytearray(bundle.image.data)
        damaged[position] ^= 1
        (bundle.folder / IMAGE_FILE).write_bytes(damaged)
        with pytest.raises(TinyopsError):
            read_bundle(bundle.folder, public_pem=signing_key.public_pem)


def test_a_foreign_signature_is_refused(
    tmp_path: Path, make_candidate: MakeCandidate, signing_key: SigningKey, other_key: SigningKey
) -> None:
    bundle = write_bundle(make_candidate(), tmp_path / "bundle", version="1.0.0+1", key=other_key)
    with pytest.raises(TinyopsError, match=f"signed with key {other_key.id[:8]}, and not .* {signing_key.id[:8]}"):
        read_bundle(bundle.folder, public_pem=signing_key.public_pem)


def test_an_archive_depends_on_its_files_alone(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.py").write_text("x = 1\n")
    assert archive([tmp_path / "a" / "x.py"]) == archive([tmp_path / "b" / "x.py"])


def test_the_same_candidate_is_the_same_release(
    tmp_path: Path, make_candidate: MakeCandidate, signing_key: SigningKey
) -> None:
    store = ReleaseStore(tmp_path)
    first = store.release(make_candidate(4), version="1.0.0", key=signing_key)
    other = store.release(make_candidate(5), version="1.0.0", key=signing_key)
    again = store.release(make_candidate(4), version="1.0.0", key=signing_key)
    assert again.image.hash == first.image.hash != other.image.hash
    assert (first.manifest.version, other.manifest.version) == ("1.0.0+1", "1.0.0+2")


def test_a_damaged_bundle_is_not_served_again(
    tmp_path: Path, make_candidate: MakeCandidate, signing_key: SigningKey
) -> None:
    store = ReleaseStore(tmp_path)
    first = store.release(make_candidate(), version="1.0.0", key=signing_key)
    (first.folder / IMAGE_FILE).write_bytes(b"torn")
    second = store.release(make_candidate(), version="1.0.0", key=signing_key)
    assert second.manifest.version == "1.0.0+2"


def _flip(path: Path, position: int) -> None:
    contents = bytearray(path.read_bytes())
    contents[position] ^= 1
    path.write_bytes(contents)


def _rename_in(path: Path) -> None:
    path.write_text(path.read_text().replace('"name": "', '"name": "not '))


@pytest.mark.parametrize(
    ("name", "alter"),
    [
        (IMAGE_FILE, lambda path: _flip(path, 40)),
        (IMAGE_FILE, lambda path: _flip(path, -1)),
        (IMAGE_FILE, lambda path: path.write_bytes(b"")),
        (IMAGE_FILE, lambda path: path.unlink()),
        (MANIFEST_FILE, _rename_in),
        (MANIFEST_FILE, lambda path: path.write_text("{")),
        (MANIFEST_FILE, lambda path: path.unlink()),
        ("acceptance.npz", lambda path: _flip(path, 99)),
        ("environment.txt", lambda path: path.write_text("other==1\n")),
    ],
)
def test_an_altered_bundle_is_named_and_moved_aside_with_all_that_is_in_it(
    tmp_path: Path,
    make_candidate: MakeCandidate,
    signing_key: SigningKey,
    caplog: pytest.LogCaptureFixture,
    name: str,
    alter: Callable[[Path], None],
) -> None:
    first = ReleaseStore(tmp_path).release(make_candidate(4), version="1.0.0", key=signing_key)
    assert first.folder == tmp_path / first.image.hash.hex()
    (first.folder / "deployment.json").write_text("its record")
    alter(first.folder / name)
    altered = {path.name: path.read_bytes() for path in first.folder.iterdir()}
    store = ReleaseStore(tmp_path)
    second = store.release(make_candidate(4), version="1.0.0", key=signing_key)
    assert second.manifest.version == "1.0.0+2"
    assert {path.name: path.read_bytes() for path in (tmp_path / "damaged-1.0.0+1").iterdir()} == altered
    (said,) = store.set_aside
    assert str(first.folder) in said
    assert name in said
    assert said in caplog.text
    quiet = ReleaseStore(tmp_path)
    assert quiet.release(make_candidate(4), version="1.0.0", key=signing_key).release_id == second.release_id
    assert not quiet.set_aside


def test_what_is_moved_aside_takes_nothing_s_place_and_no_build_number_comes_twice(
    tmp_path: Path, make_candidate: MakeCandidate, signing_key: SigningKey
) -> None:
    for build in (1, 2):
        bundle = ReleaseStore(tmp_path).release(make_candidate(4), version="1.0.0", key=signing_key)
        assert bundle.manifest.version == f"1.0.0+{build}"
        _flip(bundle.folder / IMAGE_FILE, 40)
    (tmp_path / "damaged-1.0.0+2").mkdir()
    third = ReleaseStore(tmp_path).release(make_candidate(4), version="1.0.0", key=signing_key)
    assert third.manifest.version == "1.0.0+3"
    assert {path.name for path in tmp_path.iterdir()} == {
        *(third.image.hash.hex(), "store.sqlite", "damaged-1.0.0+1", "damaged-1.0.0+2", "damaged-1.0.0+2-2"),
    }


def test_other_things_may_lie_in_the_store(
    tmp_path: Path, make_candidate: MakeCandidate, signing_key: SigningKey
) -> None:
    for name in ("1junk", "1.0.0", "1.0.0+x", "+7", "2025+9", "9.9.9+99.old", "9.9.9+99-2"):
        (tmp_path / name).mkdir()
    (tmp_path / "1.0.0+41").touch()
    store = ReleaseStore(tmp_path)
    assert store.release(make_candidate(4), version="1.0.0", key=signing_key).manifest.version == "1.0.0+1"
    assert not store.set_aside


def test_a_release_of_another_key_is_another_release(
    tmp_path: Path, make_candidate: MakeCandidate, signing_key: SigningKey, other_key: SigningKey
) -> None:
    store = ReleaseStore(tmp_path)
    first = store.release(make_candidate(), version="1.0.0", key=signing_key)
    second = store.release(make_candidate(), version="1.0.0", key=other_key)
    assert first.image.hash != second.image.hash
    assert first.folder.is_dir()
    assert not store.set_aside


def test_a_front_end_is_a_part_of_the_release_and_in_its_manifest(
    tmp_path: Path, make_candidate: MakeCandidate, signing_key: SigningKey
) -> None:
    candidate = dataclasses.replace(make_candidate(), front_end=on_board(rate=16_000, gain=0.1))
    write_bundle(candidate, tmp_path / "bundle", version="1.0.0+1", key=signing_key)
    read = read_bundle(tmp_path / "bundle", public_pem=signing_key.public_pem)
    assert read.front_end is not None
    assert read.front_end.parts() == on_board(rate=16_000, gain=0.1).parts()
    assert read.manifest.front_end == read.front_end.facts
    assert set(front_end.FILES) <= set(read.manifest.parts)
    for name in front_end.FILES:
        original = (tmp_path / "bundle" / name).read_bytes()
        _flip(tmp_path / "bundle" / name, len(original) // 2)
        with pytest.raises(DamagedBundle, match=name):
            read_bundle(tmp_path / "bundle", public_pem=signing_key.public_pem)
        (tmp_path / "bundle" / name).write_bytes(original)


def test_features_of_the_host_are_said_to_be_that(
    tmp_path: Path, make_candidate: MakeCandidate, signing_key: SigningKey
) -> None:
    candidate = dataclasses.replace(make_candidate(), front_end=on_host())
    bundle = write_bundle(candidate, tmp_path / "bundle", version="1.0.0+1", key=signing_key)
    assert bundle.manifest.front_end is not None
    assert not bundle.manifest.front_end.on_board
    assert front_end.GOLDEN_FILE not in bundle.manifest.parts
    assert read_bundle(bundle.folder, public_pem=signing_key.public_pem).front_end == on_host()


def test_a_release_without_a_front_end_is_what_it_was_before_there_were_any(
    tmp_path: Path, make_candidate: MakeCandidate, signing_key: SigningKey
) -> None:
    bundle = write_bundle(make_candidate(), tmp_path / "bundle", version="1.0.0+1", key=signing_key)
    assert "front_end" not in cbor2.loads(bundle.image.manifest)
    assert "front_end" not in json.loads((bundle.folder / MANIFEST_FILE).read_text())
    assert read_bundle(bundle.folder, public_pem=signing_key.public_pem).front_end is None


def test_the_same_model_with_another_front_end_is_another_release(
    tmp_path: Path, make_candidate: MakeCandidate, signing_key: SigningKey
) -> None:
    store, plain = ReleaseStore(tmp_path), make_candidate()
    candidates = [
        plain,
        dataclasses.replace(plain, front_end=on_host()),
        dataclasses.replace(plain, front_end=on_board(rate=8_000)),
        dataclasses.replace(plain, front_end=on_board(rate=16_000)),
        dataclasses.replace(plain, front_end=on_board(np.ones((3, 4), np.int8), rate=16_000)),
    ]
    versions = [store.release(candidate, version="1.0.0", key=signing_key).manifest.version for candidate in candidates]
    assert versions == [f"1.0.0+{build}" for build in range(1, 6)]
    again = [store.release(candidate, version="1.0.0", key=signing_key).manifest.version for candidate in candidates]
    assert again == versions


def test_a_release_that_states_no_profile_is_what_an_earlier_install_reads(
    tmp_path: Path, make_candidate: MakeCandidate, signing_key: SigningKey
) -> None:
    bundle = write_bundle(make_candidate(), tmp_path / "bundle", version="1.0.0+1", key=signing_key)
    assert "profiles" not in cbor2.loads(bundle.image.manifest)
    stated = dataclasses.replace(make_candidate(), profiles=("cortex-m4", "cortex-m7"))
    written = write_bundle(stated, tmp_path / "stated", version="1.0.0+2", key=signing_key)
    read = read_bundle(written.folder, public_pem=signing_key.public_pem)
    assert read.manifest.profiles == ("cortex-m4", "cortex-m7")


def test_the_same_model_for_other_profiles_is_another_release(
    tmp_path: Path, make_candidate: MakeCandidate, signing_key: SigningKey
) -> None:
    store, plain = ReleaseStore(tmp_path), make_candidate()
    candidates = [plain, *(dataclasses.replace(plain, profiles=profiles) for profiles in (("a",), ("a", "b")))]
    for _ in range(2):
        releases = [store.release(candidate, version="1.0.0", key=signing_key) for candidate in candidates]
        assert [release.manifest.version for release in releases] == ["1.0.0+1", "1.0.0+2", "1.0.0+3"]


def test_a_model_card_is_a_part_of_the_bundle(
    tmp_path: Path, make_candidate: MakeCandidate, signing_key: SigningKey
) -> None:
    files = card(stated=StatedUse(intended_use="to read meters"))
    candidate = dataclasses.replace(make_candidate(), card=files)
    bundle = write_bundle(candidate, tmp_path / "bundle", version="1.0.0+1", key=signing_key)
    assert set(model_card.FILES) <= bundle.manifest.parts.keys()
    read = read_bundle(bundle.folder, public_pem=signing_key.public_pem)
    assert read.card == bundle.card == files.parts()
    assert model_card.ModelCard.from_json(read.card[model_card.FACTS_FILE]) == files.card
    (bundle.folder / model_card.PAGE_FILE).write_text(files.page.replace("meters", "minds"))
    with pytest.raises(DamagedBundle, match=r"model_card\.html is not the file that was released"):
        read_bundle(bundle.folder, public_pem=signing_key.public_pem)


def test_a_release_of_before_there_were_cards_is_still_the_same(
    tmp_path: Path, make_candidate: MakeCandidate, signing_key: SigningKey
) -> None:
    store, plain = ReleaseStore(tmp_path), make_candidate()
    before = store.release(plain, version="1.0.0", key=signing_key)
    assert not before.card
    now = store.release(dataclasses.replace(plain, card=card()), version="1.0.0", key=signing_key)
    assert now.release_id == before.release_id


def test_only_what_is_said_of_its_use_makes_the_same_model_another_release(
    tmp_path: Path, make_candidate: MakeCandidate, signing_key: SigningKey
) -> None:
    store, plain = ReleaseStore(tmp_path), make_candidate()

    def released(**changed: Any) -> str:
        candidate = dataclasses.replace(plain, card=card(**changed))
        return store.release(candidate, version="1.0.0", key=signing_key).release_id

    first = released()
    assert released() == first
    assert released(budget=Budget(latency_p95_us=1)) == first
    assert store.release(plain, version="1.0.0", key=signing_key).release_id == first
    other = released(stated=StatedUse(not_for="people"))
    assert other != first
    assert released(stated=StatedUse(not_for="people")) == other
    assert released() == first


def test_the_environment_is_all_that_is_installed_but_for_what_is_not_whole(
    make_candidate: MakeCandidate, signing_key: SigningKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    (site / "halfway-1.0.dist-info").mkdir(parents=True)
    for name, file in {"a": "a-1.0.dist-info/METADATA", "b": "b-1.0.egg-info/PKG-INFO", "c": "c-1.0.egg-info"}.items():
        (site / file).parent.mkdir(exist_ok=True)
        (site / file).write_text(f"Name: {name.upper()}\nVersion: 1.0\n\nName: of the description\n")
    monkeypatch.syspath_prepend(site)
    write_bundle(make_candidate(), tmp_path / "1.0.0+1", version="1.0.0+1", key=signing_key)
    environment = set((tmp_path / "1.0.0+1" / "environment.txt").read_text().splitlines())
    assert {"numpy==" + np.__version__, "a==1.0", "b==1.0", "c==1.0"} <= environment
    found = [(each.metadata["Name"], each.version) for each in distributions()]
    assert environment == {f"{name.lower()}=={version}" for name, version in found if name}
