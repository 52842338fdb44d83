"""Keys, candidates and bundles that the tests of edge_deployer share."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from edge_deployer.profile import load_profile
from edge_deployer.release.bundle import Candidate
from edge_deployer.release.keys import SigningKey, load_or_create_signing_key
from edge_deployer.release.manifest import Provenance
from edge_deployer.release.validation import Terms, Validation, validate_model
from tests.edge_deployer.candidates import MakeCandidate, one_hot_samples
from tests.edge_deployer.tiny_models import identity_classifier


@pytest.fixture(scope="session")
def signing_key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return load_or_create_signing_key(tmp_path_factory.mktemp("keys") / "signing.pem")


@pytest.fixture(scope="session")
def public_key(signing_key: SigningKey) -> Path:
    """What boards that trust `signing_key` are given."""
    path = signing_key.path.with_name("public.pem")
    path.write_bytes(signing_key.public_pem)
    return path


@pytest.fixture(scope="session")
def other_key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return load_or_create_signing_key(tmp_path_factory.mktemp("keys") / "other.pem")


@pytest.fixture(scope="session")
def make_candidate() -> MakeCandidate:
    """Candidates of the identity classifier; classes tell different models apart. Each is validated once."""

    @cache
    def validated(model: bytes, classes: int) -> Validation:
        found = validate_model(
            model,
            load_profile("cortex-m4"),
            one_hot_samples(classes, 240),
            acceptance_samples=200,
            seed=0,
            terms=Terms(better_than_constant=False),
        )
        assert found.acceptance is not None
        for array in (found.acceptance.inputs, found.acceptance.outputs, found.acceptance.labels):
            if array is not None:
                array.setflags(write=False)
        return found

    def make(
        classes: int = 4,
        sources: dict[str, list[Path]] | None = None,
        *,
        name: str = "identity",
        model: bytes | None = None,
    ) -> Candidate:
        model = identity_classifier(classes=classes) if model is None else model
        found = validated(model, classes)
        assert found.acceptance is not None
        assert found.report.arena_bytes is not None
        return Candidate(
            name=name,
            model=model,
            acceptance=found.acceptance,
            arena_bytes=found.report.arena_bytes,
            board_profile="cortex-m4",
            provenance=Provenance(run_id="run-1", git_commit="c0ffee"),
            metrics={"accuracy": found.report.quality or 0.0},
            sources=sources or {},
        )

    return make
