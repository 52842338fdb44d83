"""Front ends for releases."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_deployer.release.front_end import FrontEndFacts, FrontEndRecord, GoldenVectors
from edge_deployer.tensors import Array


def on_board(features: Array | None = None, **parameters: Any) -> FrontEndRecord:
    """One that boards compute, with a vector for each row of features."""
    features = np.arange(12, dtype=np.int8).reshape(3, 4) if features is None else features
    raw = np.random.default_rng(1).integers(-(2**15), 2**15, (len(features), 40), np.int16)
    facts = FrontEndFacts(name="micro_frontend", version="1", on_board=True, parameters=parameters)
    return FrontEndRecord(facts, GoldenVectors(raw, features))


def on_host() -> FrontEndRecord:
    """One that no board computes."""
    return FrontEndRecord(FrontEndFacts(name="none", version="1", on_board=False))
