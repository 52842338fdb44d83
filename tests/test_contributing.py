"""What CONTRIBUTING names is there."""

from __future__ import annotations

import re

from tests.environments import ROOT


def test_every_path_that_it_names_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    named = re.findall(r"`((?:\.ci|benchmarks|components|docs|edge_deployer|kubernetes|pipeline|tests)/[\w./-]*)", text)
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []
