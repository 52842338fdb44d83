"""What a project may ask of a cluster, held against the newest kfp; pytest's cache keeps its environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.kubeflow.verification.verify import verify_file

GOLDEN = Path(__file__).parents[1] / "golden"

pytestmark = pytest.mark.verify


def test_a_file_with_every_setting_can_be_run_by_the_back_ends_that_have_them(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.cache is not None
    verification = verify_file(
        GOLDEN / "vibration.yaml",
        environments=pytestconfig.cache.mkdir("newest-kfp"),
        offline=False,
        before_making=lambda: None,
    )
    unasked = [check.not_checked for check in verification.checks if check.not_checked]
    if any("does not reach its package index" in why for why in unasked):
        pytest.skip(unasked[0])
    assert verification.verified(offline=False), [check for check in verification.checks if check.findings]
    place = "platforms.kubernetes.pipelineConfig.resourceTtlOnCompletion"
    assert any(note.startswith(f"{place} needs a back end from 2.17 on") for note in verification.notes)
    # Neither pair of Python and TFX has a kfp that knows it.
    assert any(note.endswith("is too old to load it") for note in verification.notes)
    assert ("secret", "registry") in {(need.kind, need.name) for need in verification.needs}
