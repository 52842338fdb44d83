"""The latency estimate is the sum of its two terms, and none is given where a term is not known."""

from __future__ import annotations

import pytest
import tflite

from edge_deployer.profile import load_profile
from edge_deployer.tflm import count_macs, estimate_latency_us, why_no_estimate
from tests.edge_deployer.tiny_models import float_classifier, identity_classifier, two_inputs, with_operator

M4 = load_profile("cortex-m4")


def test_the_estimate_adds_arithmetic_and_memory() -> None:
    profile = M4.model_copy(update={"macs_per_second": 100, "bytes_per_second": 10})
    # 25 multiply-accumulates take a quarter of a second; 5 bytes in and 5 out a whole one.
    assert estimate_latency_us(identity_classifier(classes=5), profile) == pytest.approx(1.25e6)


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (with_operator("ethos-u"), "the work of ethos-u cannot be counted"),
        (with_operator("SignalRfft"), "the work of SignalRfft cannot be counted"),
        (with_operator(tflite.BuiltinOperator.WHILE), "the work of WHILE cannot be counted"),
        (with_operator(tflite.BuiltinOperator.CONV_3D), "the work of CONV_3D cannot be counted"),
    ],
)
def test_an_operator_that_cannot_be_counted_has_neither_multiplications_nor_a_latency(model: bytes, why: str) -> None:
    assert count_macs(model) is None
    assert estimate_latency_us(model, M4) is None
    assert why_no_estimate(model) == why


def test_the_speeds_of_int8_say_nothing_of_float() -> None:
    assert count_macs(float_classifier(5)) == 25
    assert estimate_latency_us(float_classifier(5), M4) is None
    assert why_no_estimate(float_classifier(5)) == (
        "the model computes in float32, and a profile's speeds are those of int8"
    )


def test_a_model_that_only_moves_bytes_has_an_estimate() -> None:
    assert count_macs(two_inputs()) == 0
    assert estimate_latency_us(two_inputs(), M4) == pytest.approx(12e6 / M4.bytes_per_second)
