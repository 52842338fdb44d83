"""The shipped profiles against latencies that others measured; `docs/board-profiles.md` has the sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_deployer.profile import load_profile
from edge_deployer.tflm import estimate_latency_us
from tests.conformance.shared import MODELS, needs_models

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "board-profiles.md"

KWS = "mlcommons_tiny/kws_ref_model.tflite"
PERSON = "tflite_micro/person_detect.tflite"
IC = "mlcommons_tiny/pretrainedResnet_quant.tflite"
AD = "mlcommons_tiny/ad01_int8.tflite"
PUBLISHED_MS = {
    "cortex-m4": {KWS: 181.92, PERSON: 600.54, IC: 704.26, AD: 10.05},
    "cortex-m7": {KWS: 16.73, PERSON: 50.41, IC: 53.84, AD: 1.83},
    "cortex-m0plus": {PERSON: 1528.28},
}
DEVIATION = {"cortex-m4": 0.15, "cortex-m7": 0.29, "cortex-m0plus": 0.07}
NOT_FITTED_MS = {KWS: 474.59, PERSON: 1414.00, IC: 1521.60, AD: 40.89}
"""Of a NUCLEO-G0B1RE, against `cortex-m0plus`."""
NOT_FITTED_DEVIATION = 0.17

pytestmark = needs_models


@pytest.mark.parametrize("board", sorted(PUBLISHED_MS))
def test_a_shipped_profile_reproduces_published_figures_as_well_as_the_page_says(board: str) -> None:
    assert f"| `{board}` | {DEVIATION[board]:.0%} |".replace("%", " %") in PAGE.read_text()
    hold_against(board, PUBLISHED_MS[board], DEVIATION[board])


def test_the_smallest_profile_holds_for_a_board_that_it_was_not_fitted_to() -> None:
    assert f"| `cortex-m0plus` | 7 % | {100 * NOT_FITTED_DEVIATION:.0f} % |" in PAGE.read_text()
    hold_against("cortex-m0plus", NOT_FITTED_MS, NOT_FITTED_DEVIATION)


def hold_against(board: str, published: dict[str, float], most: float) -> None:
    """The estimates are within `most` of the published figures, and stand on the page."""
    page, profile = PAGE.read_text(), load_profile(board)
    for model, published_ms in published.items():
        estimate_us = estimate_latency_us((MODELS / model).read_bytes(), profile)
        assert estimate_us is not None
        estimate_ms = estimate_us / 1000
        assert abs(estimate_ms / published_ms - 1) <= most, (model, estimate_ms)
        assert f"| {published_ms:,.2f} | {estimate_ms:,.2f} | {estimate_ms / published_ms - 1:+.1%} |" in page
