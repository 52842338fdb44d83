"""TFLM's child starts as the product starts it: that is what these tests are about."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def cold(children_start_cold: None) -> None:
    """See `tests/conftest.py`."""
