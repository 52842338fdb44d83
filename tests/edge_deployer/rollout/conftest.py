"""Simulated fleets, and releases for them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_deployer.release.keys import SigningKey
from edge_deployer.release.store import ReleaseStore
from tests.edge_deployer.candidates import MakeCandidate, with_wrong_reference
from tests.edge_deployer.rollout.simulated_rollouts import Releases


@pytest.fixture(scope="session")
def releases(
    tmp_path_factory: pytest.TempPathFactory, make_candidate: MakeCandidate, signing_key: SigningKey, public_key: Path
) -> Releases:
    folder = tmp_path_factory.mktemp("releases")
    store = ReleaseStore(folder)

    def made(name: str) -> str:
        return store.release(make_candidate(4, name=name), version="1.0.0", key=signing_key).image.hash.hex()

    bad = store.release(with_wrong_reference(make_candidate(4, name="bad")), version="1.0.0", key=signing_key)
    return Releases(folder, public_key, made("before"), made("wanted"), made("other"), bad.image.hash.hex())


@pytest.fixture
def fleet_folder() -> Iterator[Path]:
    """On a RAM disk where there is one: a killed process loses nothing that it wrote, wherever that is."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)
