"""Host-side validation: what is refused, what is measured, and how the acceptance set is drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.errors import TinyopsError
from edge_deployer.profile import load_profile
from edge_deployer.release.acceptance_set import AcceptanceSet
from edge_deployer.release.validation import LabelledSamples, draw, random_inputs, validate_model
from edge_deployer.tensors import TensorSpec
from tests.edge_deployer.conftest import one_hot_samples
from tests.edge_deployer.tiny_models import identity_classifier, two_inputs, with_unknown_op

M4 = load_profile("cortex-m4")


def test_a_model_that_fits_is_blessed_and_measured() -> None:
    found = validate_model(identity_classifier(4), M4, one_hot_samples(4, 40), acceptance_samples=20, seed=0)
    assert found.report.blessed
    assert found.report.accuracy == 1.0
    assert found.report.confusion == (10 * np.eye(4, dtype=int)).tolist()
    assert found.acceptance is not None
    assert len(found.acceptance) == found.report.acceptance_samples == 20


@pytest.mark.parametrize(
    ("model", "reason"),
    [(with_unknown_op(), "operator"), (two_inputs(), "input"), (b"not a model at all", "model")],
)
def test_a_model_that_tflm_does_not_run_is_refused_with_the_reason(model: bytes, reason: str) -> None:
    found = validate_model(model, M4, None, acceptance_samples=4, seed=0)
    assert not found.report.blessed
    assert reason in (found.report.reason or "")
    assert found.acceptance is None


def test_an_arena_over_the_profile_is_refused() -> None:
    small = M4.model_copy(update={"arena_bytes": 600})
    found = validate_model(identity_classifier(4), small, None, acceptance_samples=4, seed=0)
    assert not found.report.blessed
    assert "600" in (found.report.reason or "")
    assert "arena" in (found.report.reason or "")


def test_a_model_larger_than_the_slot_is_refused_without_running_it() -> None:
    small = M4.model_copy(update={"slot_bytes": 4200})
    found = validate_model(identity_classifier(4), small, None, acceptance_samples=4, seed=0)
    assert "slot" in (found.report.reason or "")
    assert found.report.arena_bytes is None


def test_data_of_the_wrong_size_names_both_shapes() -> None:
    data = LabelledSamples(np.zeros((3, 5), np.float32), None)
    with pytest.raises(TinyopsError, match=r"shape \[5\].*\[1, 4\]"):
        validate_model(identity_classifier(4), M4, data, acceptance_samples=4, seed=0)


def test_a_label_that_is_no_output_is_refused() -> None:
    data = LabelledSamples(np.zeros((3, 4), np.int8), np.array([0, 1, 4]))
    with pytest.raises(TinyopsError, match="5 classes; the model has 4 outputs"):
        validate_model(identity_classifier(4), M4, data, acceptance_samples=4, seed=0)


@pytest.mark.parametrize("dtype", ["int8", "int16", "float32"])
def test_random_inputs_are_seeded_and_cover_the_dtype(dtype: str) -> None:
    spec = TensorSpec(dtype, (1, 50))
    once, again = random_inputs(spec, 40, seed=1), random_inputs(spec, 40, seed=1)
    assert once.dtype == dtype
    assert once.shape == (40, 50)
    np.testing.assert_array_equal(once, again)
    if dtype == "int8":
        assert {int(once.min()), int(once.max())} == {-128, 127}


@given(
    counts=st.lists(st.integers(1, 30), min_size=1, max_size=6), share=st.floats(0.05, 1.0), seed=st.integers(0, 999)
)
def test_every_prefix_of_the_draw_is_stratified(counts: list[int], share: float, seed: int) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    identity = np.arange(len(labels))[:, None]
    whole = AcceptanceSet(identity, identity, labels)
    size = max(1, int(share * len(labels)))
    drawn = draw(whole, size, seed=seed)
    assert len(drawn) == size
    assert len(np.unique(drawn.inputs)) == size
    assert drawn.labels is not None
    np.testing.assert_array_equal(drawn.labels, labels[drawn.inputs[:, 0]])
    for end in range(1, size + 1):
        seen = np.bincount(drawn.labels[:end], minlength=len(counts))
        expected = np.array(counts) * end / len(labels)
        assert np.all(np.abs(seen - expected) <= len(counts))
    np.testing.assert_array_equal(draw(whole, size, seed=seed).inputs, drawn.inputs)
