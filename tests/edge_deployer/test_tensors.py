"""The tensor's own arithmetic."""

from __future__ import annotations

import pytest

from edge_deployer.tensors import TensorSpec


@pytest.mark.parametrize(
    ("shape", "sample"), [((1, 8, 8, 1), (8, 8, 1)), ((1,), ()), ((4, 2), (4, 2)), ((), ())], ids=str
)
def test_a_sample_has_no_batch_dimension(shape: tuple[int, ...], sample: tuple[int, ...]) -> None:
    assert TensorSpec("int8", shape).sample_shape == sample
