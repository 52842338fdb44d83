"""What helps is said by the cause, and where nobody knows nothing is said."""

from __future__ import annotations

import pytest
import tflite

from edge_deployer.tflm import InferenceCrashed, ModelRefused, TflmRunner
from edge_deployer.tflm.operators import require_kernels
from edge_deployer.tflm.remedies import not_prepared, not_run, without_kernel
from tests.edge_deployer import tiny_models

TO_INT8 = "convert the model with int8 weights, activations, inputs and outputs"


def refusal(model: bytes) -> ModelRefused:
    with pytest.raises(ModelRefused) as caught:
        TflmRunner(model, arena_bytes=100_000)
    return caught.value


def test_an_int8_model_is_not_told_to_become_one() -> None:
    """Softplus becomes EXP and LOG, of which TFLM has float kernels alone."""
    remedy = refusal(tiny_models.with_operator(tflite.BuiltinOperator.EXP)).remedy
    assert remedy.startswith("TFLM has EXP for float32 alone: build the int8 model without it: softplus")
    assert "convert" not in remedy
    for name in ("FLOOR", "SQRT"):
        model = tiny_models.with_operator(getattr(tflite.BuiltinOperator, name))
        assert refusal(model).remedy == f"TFLM has {name} for float32 alone: build the int8 model without it"


@pytest.mark.parametrize("name", ["RELU", "RELU6", "ELU", "TANH"])
def test_what_is_recommended_has_an_int8_kernel(name: str) -> None:
    TflmRunner(tiny_models.with_operator(getattr(tflite.BuiltinOperator, name)), arena_bytes=100_000).close()


def test_a_hybrid_model_is_told_what_makes_it_int8() -> None:
    remedy = refusal(tiny_models.hybrid_classifier()).remedy
    assert remedy.startswith("FULLY_CONNECTED has int8 weights and float activations: convert the model again with")
    assert "`representative_dataset`" in remedy


@pytest.mark.parametrize(
    ("operator", "remedy"),
    [
        ("made-up-op", "build the network without made-up-op"),
        ("ethos-u", "give the model as it was before Vela compiled it for an Ethos-U"),
        ("FlexErf", "build the network without Erf, and convert it with TFLITE_BUILTINS_INT8 alone"),
        (tflite.BuiltinOperator.CONV_3D, "build the network without CONV_3D"),
    ],
)
def test_an_operator_without_a_kernel_is_named(operator: int | str, remedy: str) -> None:
    model = tiny_models.with_operator(operator)
    assert refusal(model).remedy == remedy
    with pytest.raises(ModelRefused) as read:
        require_kernels(model)
    assert read.value.remedy == remedy


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        ("Hybrid models are not supported on TFLite Micro.", "PAD has int8 weights and float activations: convert"),
        ("input->type != kTfLiteFloat32 (UINT8 != FLOAT32)", f"TFLM's PAD does not take uint8: {TO_INT8}"),
        ("Type UINT8 (3) not supported.", f"TFLM's PAD does not take uint8: {TO_INT8}"),
        ("Input UINT8, output UINT8 not supported.", f"TFLM's PAD does not take uint8: {TO_INT8}"),
        ("Only float32/int8/int16 is supported currently, got UINT8", f"TFLM's PAD does not take uint8: {TO_INT8}"),
        ("PAD only supports FLOAT32 now, got type INT16 (7).", f"TFLM's PAD does not take int16: {TO_INT8}"),
        ("Input type FLOAT32 (1) not supported.", f"TFLM's PAD does not take float32: {TO_INT8}"),
    ],
)
def test_a_type_that_a_kernel_does_not_take(words: str, remedy: str) -> None:
    assert not_prepared("PAD", words).startswith(remedy)


@pytest.mark.parametrize("words", ["Type INT8 (9) not supported.", "NumDimensions(input) != 4 (2 != 4)", ""])
def test_nothing_is_said_where_nobody_knows(words: str) -> None:
    assert not_prepared("PAD", words) == ""


def test_a_crash_without_a_word_has_no_remedy() -> None:
    assert refusal(tiny_models.crashes_on_load()).remedy == ""
    assert str(InferenceCrashed("TFLM died (SIGSEGV)", remedy="")) == "TFLM died (SIGSEGV)"


def test_an_operator_that_fails_on_a_sample_is_named() -> None:
    assert not_run("GATHER").startswith("give GATHER only values that it can take")
    assert without_kernel("GELU") == "build the network without GELU"
