"""The shipped profiles against latencies that others measured; `docs/board-profiles.md` has the sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_deployer.profile import load_profile
from edge_deployer.tflm import estimate_latency_us

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT.parent / "shared" / "models"
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

pytestmark = pytest.mark.skipif(not MODELS.is_dir(), reason=f"no models at {MODELS.parent.name}/{MODELS.name}")


@pytest.mark.parametrize("board", sorted(PUBLISHED_MS))
def test_a_shipped_profile_reproduces_published_figures_as_well_as_the_page_says(board: str) -> None:
    page = PAGE.read_text()
    assert f"| `{board}` | {DEVIATION[board]:.0%} |".replace("%", " %") in page
    for model, published_ms in PUBLISHED_MS[board].items():
        estimate_ms = estimate_latency_us((MODELS / model).read_bytes(), load_profile(board)) / 1000
        assert abs(estimate_ms / published_ms - 1) <= DEVIATION[board], (model, estimate_ms)
        assert f"| {published_ms:,.2f} | {estimate_ms:,.2f} | {estimate_ms / published_ms - 1:+.1%} |" in page
