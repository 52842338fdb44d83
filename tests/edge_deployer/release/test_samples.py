"""Held-out samples: which fit a model, and what is said of those that do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge_deployer.errors import TinyopsError
from edge_deployer.release.samples import LabelledSamples, fit_samples, random_inputs
from edge_deployer.task import Answers
from edge_deployer.tensors import TensorSpec

VECTOR = TensorSpec("int8", (1, 4), 0.5, 3)
SCORE = TensorSpec("int8", (1, 1), 0.5, 3)
GRID = TensorSpec("int8", (1, 2, 3), 0.5, 3)
FLOATS = TensorSpec("float32", (1, 4))
STORED = np.zeros((3, 4), np.int8)


def test_real_values_are_quantised_and_stored_ones_taken_as_they_are() -> None:
    real = fit_samples(LabelledSamples(np.full((2, 4), 1.0), None), Answers(VECTOR, SCORE))
    stored = fit_samples(LabelledSamples(np.full((2, 4), 5, np.int8), None), Answers(VECTOR, SCORE))
    np.testing.assert_array_equal(real.inputs, stored.inputs)
    assert real.inputs.dtype == np.int8


def test_integers_are_real_values_for_a_model_that_takes_floats() -> None:
    found = fit_samples(LabelledSamples(np.full((2, 4), 7, np.uint8), None), Answers(FLOATS, SCORE))
    assert (found.inputs.dtype, found.inputs.max()) == (np.float32, 7)


def test_targets_take_the_shape_of_the_output() -> None:
    found = fit_samples(LabelledSamples(STORED, None, targets=np.arange(18.0).reshape(3, 6)), Answers(VECTOR, GRID))
    assert found.metric == "mae"
    assert found.targets is not None
    assert (found.targets.shape, found.targets[2, 1, 2]) == ((3, 2, 3), 17)


def test_an_autoencoder_is_to_give_back_its_dequantised_input() -> None:
    found = fit_samples(LabelledSamples(STORED, np.array([0, 1, 0])), Answers(VECTOR, VECTOR))
    assert found.metric == "auc"
    assert found.targets is not None
    assert (found.targets.dtype, found.targets.tolist()) == (np.float32, [[-1.5] * 4] * 3)


def test_a_model_that_scores_has_nothing_to_give_back() -> None:
    found = fit_samples(LabelledSamples(STORED, np.array([0, 1, 0])), Answers(VECTOR, SCORE))
    assert (found.metric, found.targets) == ("auc", None)


@pytest.mark.parametrize(
    ("data", "answered", "said"),
    [
        (LabelledSamples(np.zeros((3, 5)), None), SCORE, r"a sample of x\.npz has shape \[5\].*int8\[1, 4\], 4 values"),
        (LabelledSamples(np.zeros((3, 4), np.uint8), None), SCORE, r"'inputs' is uint8\[3, 4\].*input is int8\[1, 4\]"),
        (LabelledSamples(np.zeros((3, 4), np.int64), None), SCORE, r"'inputs' is int64\[3, 4\].*input is int8\[1, 4\]"),
        (LabelledSamples(STORED, np.array([0, 2, 1])), SCORE, r"'labels'\[1\] = 2.*labels are 0 and 1"),
        (LabelledSamples(STORED, np.array([1, 1, 1])), SCORE, r"'labels' are all 1"),
        (LabelledSamples(STORED, np.array([0, 6, 1])), GRID, "7 classes; the model has 6 outputs"),
        (LabelledSamples(STORED, np.array([0, 0, 1]), ("a", "b")), GRID, "2 classes; the model has 6 outputs"),
        (
            LabelledSamples(STORED, None, targets=np.zeros((3, 2))),
            SCORE,
            r"'targets' is float64\[3, 2\], 2 values",
        ),
        (LabelledSamples(STORED, np.zeros(3), targets=np.zeros(3)), SCORE, "both 'labels' and 'targets'"),
    ],
)
def test_data_that_does_not_fit_is_refused_with_file_array_and_value(
    data: LabelledSamples, answered: TensorSpec, said: str
) -> None:
    with pytest.raises(TinyopsError, match=said) as caught:
        fit_samples(replace(data, source="x.npz"), Answers(VECTOR, answered))
    assert "x.npz" in caught.value.message


@pytest.mark.parametrize("dtype", ["int8", "int16", "float32"])
def test_random_inputs_are_seeded_and_cover_the_dtype(dtype: str) -> None:
    spec = TensorSpec(dtype, (1, 50))
    once, again = random_inputs(spec, 40, seed=1), random_inputs(spec, 40, seed=1)
    assert once.dtype == dtype
    assert once.shape == (40, 50)
    np.testing.assert_array_equal(once, again)
    if dtype == "int8":
        assert {int(once.min()), int(once.max())} == {-128, 127}
