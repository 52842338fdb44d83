"""What helps a model that TFLM refuses, by the cause. Pure functions of what TFLM says; empty where nobody knows."""

from __future__ import annotations

import re

_VELA = "ethos-u"
_FLEX = "Flex"
_HYBRID = re.compile(r"Hybrid models are not supported|Input type: FLOAT32 with filter type: INT8")
# The ways in which TFLM's kernels name a type that they do not take.
_TYPE = re.compile(r"\((\w+) != FLOAT32\)|got(?: type)? (\w+)|[Tt]ype (\w+) \(\d+\)|Input (\w+), output")
_ONLY_FLOAT = re.compile(r"!= (?:kTfLiteFloat32|expected_type) \(INT8 != FLOAT32\)")
_SOFT = "softplus and mish become EXP and LOG; relu, relu6, elu and tanh have int8 kernels"
_BECOMES = {"EXP": _SOFT, "LOG": _SOFT}


def without_kernel(operator: str) -> str:
    """For an operator that TFLM has no kernel for, by its name in the schema or a custom one's own."""
    if operator == _VELA:
        return "give the model as it was before Vela compiled it for an Ethos-U"
    if operator.startswith(_FLEX):
        tensorflow = operator.removeprefix(_FLEX)
        return f"build the network without {tensorflow}, and convert it with TFLITE_BUILTINS_INT8 alone"
    return f"build the network without {operator}"


def not_prepared(operator: str, words: str) -> str:
    """For an operator that TFLM has a kernel for, which does not take it as it is, in these words."""
    if _HYBRID.search(words):
        return (
            f"{operator} has int8 weights and float activations: convert the model again with `representative_dataset` "
            "and TFLITE_BUILTINS_INT8, so that activations, inputs and outputs are int8, too"
        )
    if _ONLY_FLOAT.search(words):
        instead = f": {_BECOMES[operator]}" if operator in _BECOMES else ""
        return f"TFLM has {operator} for float32 alone: build the int8 model without it{instead}"
    found = _TYPE.search(words)
    dtype = next(filter(None, found.groups()), "") if found else ""
    if dtype in ("UINT8", "INT16", "FLOAT32"):
        takes_not = f"TFLM's {operator} does not take {dtype.lower()}"
        return f"{takes_not}: convert the model with int8 weights, activations, inputs and outputs"
    return ""


def not_run(operator: str) -> str:
    """For an operator that failed on a sample."""
    return f"give {operator} only values that it can take, in training and in the samples alike"
