"""What a release changes against another, of real bundles."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from edge_deployer.errors import TinyopsError
from edge_deployer.release.difference import FigureChange, FileChange, TextChange, difference
from edge_deployer.release.keys import SigningKey
from edge_deployer.release.manifest import Provenance
from edge_deployer.release.store import ReleaseStore
from tests.edge_deployer.candidates import MakeCandidate
from tests.edge_deployer.front_ends import on_board


def write(folder: Path, **files: str) -> list[Path]:
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return sorted(folder.iterdir())


def test_everything_that_changes_is_named(
    tmp_path: Path, make_candidate: MakeCandidate, signing_key: SigningKey
) -> None:
    store = ReleaseStore(tmp_path / "releases")
    old = {"model_source.tar.gz": write(tmp_path / "old", model="layers = 3", gone="", same="x = 1")}
    new = {
        "model_source.tar.gz": write(tmp_path / "new", model="layers = 4", more="", same="x = 1"),
        "tests.tar.gz": write(tmp_path / "tests", test_model=""),
    }
    before = store.release(make_candidate(4, old), version="1.0.0", key=signing_key)
    provenance = Provenance(run_id="run-2", git_commit="c0ffee", git_dirty=True, data_fingerprint="feed")
    candidate = dataclasses.replace(
        make_candidate(5, new),
        provenance=provenance,
        front_end=on_board(rate=16_000),
        metrics={"accuracy": 0.5, "auc": 0.75},
    )
    store.revoke("1.0.0+1", reason="bad", by="test")
    after = store.release(candidate, version="1.0.0", key=signing_key)
    found = difference(after, before)
    assert (found.release.release_id, found.against.release_id) == (after.release_id, before.release_id)
    assert found.model_changed
    assert found.acceptance_set_changed
    assert found.facts == {
        "data": TextChange(before=None, after="feed"),
        "commit": TextChange(before="c0ffee", after="c0ffee with changes"),
        "run": TextChange(before="run-1", after="run-2"),
        "front end": TextChange(before=None, after='micro_frontend 1 on the board, {"rate": 16000}'),
        "security counter": TextChange(before="0", after="1"),
    }
    assert found.metrics == {
        "accuracy": FigureChange(before=before.manifest.metrics["accuracy"], after=0.5),
        "auc": FigureChange(before=None, after=0.75),
    }
    assert found.sizes["image"].before == len(before.image.data)
    assert found.sizes["model"].after == len(candidate.model)
    archive = "model_source.tar.gz"
    assert found.files == [
        FileChange(archive=archive, name="gone.py", change="removed"),
        FileChange(archive=archive, name="model.py", change="changed"),
        FileChange(archive=archive, name="more.py", change="added"),
        FileChange(archive="tests.tar.gz", name="test_model.py", change="added"),
    ]
    assert found.packages == {}
    back = difference(before, after)
    assert {(file.name, file.change) for file in back.files} == {
        *(("gone.py", "added"), ("model.py", "changed"), ("more.py", "removed"), ("test_model.py", "removed")),
    }


def test_packages_that_differ_are_named(tmp_path: Path, make_candidate: MakeCandidate, signing_key: SigningKey) -> None:
    store = ReleaseStore(tmp_path)
    first, second = (store.release(make_candidate(classes), version="1.0.0", key=signing_key) for classes in (4, 5))
    (first.folder / "environment.txt").write_text("dill==0.3.1\nnumpy==1.26.4\nsame==1\n")
    (second.folder / "environment.txt").write_text("numpy==2.2.6\nsame==1\n")
    assert difference(second, first).packages == {
        "dill": TextChange(before="0.3.1", after=None),
        "numpy": TextChange(before="1.26.4", after="2.2.6"),
    }


def test_the_same_release_changes_nothing(
    tmp_path: Path, make_candidate: MakeCandidate, signing_key: SigningKey
) -> None:
    bundle = ReleaseStore(tmp_path).release(make_candidate(), version="1.0.0", key=signing_key)
    found = difference(bundle, bundle)
    assert (found.model_changed, found.acceptance_set_changed) == (False, False)
    assert (found.facts, found.files, found.packages) == ({}, [], {})
    assert all(change.before == change.after for change in found.metrics.values())


def test_an_archive_that_is_none_is_named(
    tmp_path: Path, make_candidate: MakeCandidate, signing_key: SigningKey
) -> None:
    store = ReleaseStore(tmp_path / "releases")
    sources = {"tests.tar.gz": write(tmp_path / "tests", test_model="")}
    first = store.release(make_candidate(4), version="1.0.0", key=signing_key)
    second = store.release(make_candidate(5, sources), version="1.0.0", key=signing_key)
    (second.folder / "tests.tar.gz").write_bytes(b"torn")
    with pytest.raises(TinyopsError, match=r"tests\.tar\.gz cannot be read"):
        difference(second, first)
