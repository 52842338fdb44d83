"""Arrays in JSON come back to the last bit, or not at all."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as arrays
from pydantic import ValidationError

from edge_deployer.acceptance.stored_array import StoredArray
from edge_deployer.tensors import Array


@given(
    arrays.arrays(
        dtype=arrays.integer_dtypes() | arrays.floating_dtypes(sizes=(32, 64)) | arrays.unsigned_integer_dtypes(),
        shape=arrays.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4),
    )
)
def test_an_array_comes_back_to_the_last_bit(array: Array) -> None:
    stored = StoredArray.model_validate_json(StoredArray.of(array).model_dump_json())
    back = stored.load()
    assert back.shape == array.shape
    assert back.dtype.name == array.dtype.name
    assert back.tobytes() == array.astype(back.dtype).tobytes()


@pytest.mark.parametrize(
    "change", [{"dtype": "int16"}, {"dtype": "no such type"}, {"shape": [3]}, {"data": "AQ"}, {"data": "!!!!"}]
)
def test_what_does_not_fit_together_is_refused(change: dict[str, object]) -> None:
    whole = json.loads(StoredArray.of(np.array([1, 2], np.int8)).model_dump_json())
    with pytest.raises(ValidationError):
        StoredArray.model_validate(whole | change)
