"""Which method adds an operator to TFLM's resolver, against TFLM's header."""

from __future__ import annotations

import pytest

from edge_deployer.tflm.kernels import KERNELS
from edge_deployer.tflm.resolver import resolver_method
from tests.edge_deployer.tflm.resolver_methods import METHODS


def test_every_operator_has_the_method_of_the_header() -> None:
    assert {operator: resolver_method(operator) for operator in METHODS} == METHODS


def test_every_kernel_has_a_method() -> None:
    assert METHODS.keys() >= KERNELS


@pytest.mark.parametrize("operator", ["COMPLEX_ABS", "BUILTIN_999", "made-up-op", "SignalMadeUp", ""])
def test_an_operator_that_tflm_cannot_add_has_none(operator: str) -> None:
    assert resolver_method(operator) is None
