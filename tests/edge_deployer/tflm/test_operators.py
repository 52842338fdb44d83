"""What a model's file says about its operators."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.tflm import ModelRefused, Reason, count_bytes, count_macs, describe_precision, list_operators
from tests.edge_deployer import tiny_models

MODEL = tiny_models.identity_classifier(classes=5)


def test_operators_come_with_names_and_shapes() -> None:
    (operator,) = list_operators(MODEL)
    assert (operator.name, operator.custom) == ("FULLY_CONNECTED", False)
    assert operator.input_shapes == ((1, 5), (5, 5), ())
    assert operator.output_shapes == ((1, 5),)


def test_a_custom_operator_has_its_own_name() -> None:
    (operator,) = list_operators(tiny_models.with_unknown_op())
    assert (operator.name, operator.custom) == ("made-up-op", True)


def test_macs_of_a_fully_connected_layer() -> None:
    assert count_macs(MODEL) == 25


def test_macs_of_a_matrix_product() -> None:
    assert count_macs(tiny_models.matrix_product(rows=3, shared=5, columns=7)) == 3 * 5 * 7


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (MODEL, "int8"),
        (tiny_models.float_classifier(), "float32"),
        (tiny_models.uint8_ends(), "int8, uint8 in, uint8 out"),
        (tiny_models.crashes_on_far_offset(), "int32, int8 out"),
    ],
)
def test_what_a_model_computes_in(model: bytes, words: str) -> None:
    assert describe_precision(model) == words


def test_bytes_are_the_activations_and_not_the_weights() -> None:
    assert count_bytes(MODEL) == 5 + 5


def test_bytes_count_the_width_of_the_dtype() -> None:
    # RESHAPE moves an int32, SLICE reads that and writes an int8; the table and the shapes are in the file.
    assert count_bytes(tiny_models.crashes_on_far_offset()) == (4 + 4) + (4 + 1)


def test_operators_without_multiplications_count_nothing() -> None:
    assert count_macs(tiny_models.two_inputs()) == 0


@given(st.data())
def test_damage_is_a_refusal_or_another_model_but_no_other_error(data: st.DataObject) -> None:
    damaged = bytearray(MODEL)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(MODEL) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ModelRefused):
        count_macs(bytes(damaged))
    with contextlib.suppress(ModelRefused):
        count_bytes(bytes(damaged))


def test_noise_is_not_a_model() -> None:
    with pytest.raises(ModelRefused, match="TFL3") as caught:
        list_operators(b"not a model at all")
    assert caught.value.reason is Reason.NOT_A_MODEL
