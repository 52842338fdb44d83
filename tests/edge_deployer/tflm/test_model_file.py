"""What a model's file says about its input and output."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.tflm import ModelRefused, Reason, TflmRunner, require_kernels, tensor_specs
from tests.edge_deployer import tiny_models

MODEL = tiny_models.identity_classifier(classes=5)


@pytest.mark.parametrize(
    "model",
    [
        tiny_models.identity_classifier(scale=0.3, zero_point=-7),
        tiny_models.remembers(),
        tiny_models.crashes_on_far_offset(),
        tiny_models.square_root(),
    ],
)
def test_the_file_says_of_its_tensors_what_tflm_says(model: bytes) -> None:
    with TflmRunner(model, arena_bytes=1 << 16) as runner:
        assert tensor_specs(model) == (runner.input, runner.output)


def test_a_second_input_is_refused_in_the_words_of_the_runner() -> None:
    with pytest.raises(ModelRefused) as by_tflm:
        TflmRunner(tiny_models.two_inputs(), arena_bytes=1 << 16)
    with pytest.raises(ModelRefused) as by_file:
        tensor_specs(tiny_models.two_inputs())
    assert (by_file.value.reason, by_file.value.message) == (by_tflm.value.reason, by_tflm.value.message)


def test_an_unknown_operator_is_refused_in_the_words_of_the_runner() -> None:
    with pytest.raises(ModelRefused) as by_tflm:
        TflmRunner(tiny_models.with_unknown_op(), arena_bytes=1 << 16)
    with pytest.raises(ModelRefused) as by_file:
        require_kernels(tiny_models.with_unknown_op())
    assert (by_file.value.reason, by_file.value.message) == (by_tflm.value.reason, by_tflm.value.message)


def test_noise_is_not_a_model() -> None:
    with pytest.raises(ModelRefused, match="TFL3") as caught:
        tensor_specs(b"not a model at all")
    assert caught.value.reason is Reason.NOT_A_MODEL


@given(st.data())
def test_damage_is_a_refusal_or_another_model_but_no_other_error(data: st.DataObject) -> None:
    damaged = bytearray(MODEL)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(MODEL) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ModelRefused):
        tensor_specs(bytes(damaged))
