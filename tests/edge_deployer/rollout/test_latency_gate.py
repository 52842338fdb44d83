from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.rollout.latency_gate import p95_us
from tests.edge_deployer.acceptance.evidence_factory import answers, board_outputs, evidence, reference


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=60))
def test_the_percentile_is_by_nearest_rank(times: list[int]) -> None:
    held = reference(len(times))
    given_evidence = evidence(held, answers=answers(board_outputs(held), times))
    assert p95_us(given_evidence) == np.percentile(times, 95, method="inverted_cdf")


def test_nothing_is_known_of_a_board_that_was_not_asked() -> None:
    assert p95_us(None) is None
    assert p95_us(evidence(reference(3), answers=None)) is None
