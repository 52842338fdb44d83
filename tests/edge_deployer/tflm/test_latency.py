"""The latency estimate is the sum of its two terms."""

from __future__ import annotations

import pytest

from edge_deployer.profile import load_profile
from edge_deployer.tflm import estimate_latency_us
from tests.edge_deployer.tiny_models import identity_classifier


def test_the_estimate_adds_arithmetic_and_memory() -> None:
    profile = load_profile("cortex-m4").model_copy(update={"macs_per_second": 100, "bytes_per_second": 10})
    # 25 multiply-accumulates take a quarter of a second; 5 bytes in and 5 out a whole one.
    assert estimate_latency_us(identity_classifier(classes=5), profile) == pytest.approx(1.25e6)
