"""Model cards for releases."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any

from edge_deployer.acceptance.plan import Budget
from edge_deployer.release.front_end import FrontEndFacts
from edge_deployer.release.model_card import CardFiles
from edge_deployer.report.model_card import KnownFacts, card_files
from tests.edge_deployer.report import sample_reports


def known_facts(**changed: Any) -> KnownFacts:
    """Everything is known of the handwritten digits, but for the changes."""
    return dataclasses.replace(_everything(), **changed)


@cache
def _everything() -> KnownFacts:
    report = sample_reports.promoted()
    assert report.validation is not None
    return KnownFacts(
        name="digits",
        model=b"a model",
        validation=report.validation,
        budget=Budget(latency_p95_us=200_000),
        data=report.data,
        gates=report.data_gates,
        front_end=FrontEndFacts(name="micro_frontend", version="1", on_board=True, parameters={"rate": 16_000}),
        evaluation=report.evaluation,
        conversion=report.conversion,
    )


def card(**changed: Any) -> CardFiles:
    """Its card."""
    return card_files(known_facts(**changed))
