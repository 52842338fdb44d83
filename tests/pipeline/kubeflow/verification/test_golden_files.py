"""What a project may ask of a cluster, held against the newest kfp; pytest's cache keeps its environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from kfp.pipeline_spec.pipeline_spec_pb2 import SinglePlatformSpec

from pipeline.kubeflow.verification.verify import verify_file

GOLDEN = Path(__file__).parents[1] / "golden"

pytestmark = pytest.mark.verify


def the_kfp_here_knows_times_to_live() -> bool:
    """As its messages have it: with TFX 1.21 they are of 2.17, with TFX 1.16 of a release that has no such settings."""
    config = SinglePlatformSpec.DESCRIPTOR.fields_by_camelcase_name.get("pipelineConfig")
    return config is not None and "resourceTtlOnCompletion" in config.message_type.fields_by_camelcase_name


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
    too_old = any(note.endswith("is too old to load it") for note in verification.notes)
    here = [check.status for check in verification.checks if check.name == "loads with this kfp"]
    assert (too_old, here) == ((False, ["passed"]) if the_kfp_here_knows_times_to_live() else (True, []))
    assert ("secret", "registry") in {(need.kind, need.name) for need in verification.needs}
