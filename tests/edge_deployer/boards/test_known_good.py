"""What a board can be tested against."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.boards.bench import Bench
from edge_deployer.boards.known_good import known_good
from edge_deployer.release.keys import SigningKey, load_or_create_signing_key
from tests.edge_deployer.candidates import MakeCandidate, record_promotion
from tests.edge_deployer.inventories import FAST, virtual, write_inventory, write_profile


def test_it_is_what_the_board_runs_or_else_the_latest_promotion_that_is_for_it(
    tmp_path: Path, make_candidate: MakeCandidate, other_key: SigningKey
) -> None:
    write_profile(tmp_path, "fast", **FAST, slot_bytes=32768)
    boards = [virtual("s1", "staging"), virtual("p1", "production")]
    bench = Bench.load(write_inventory(tmp_path, boards), tmp_path / "workspace")
    key = load_or_create_signing_key(bench.workspace / "keys" / "signing.pem")
    candidate = make_candidate(4)
    old, new, never_promoted, foreign, large = (
        bench.releases.release(dataclasses.replace(candidate, name=name, **changes), version="1.0.0", key=signing)
        for name, signing, changes in (
            ("old", key, {}),
            ("new", key, {}),
            ("never promoted", key, {}),
            ("foreign", other_key, {}),
            ("large", key, {"model": bytes(40_000)}),
        )
    )
    plan = AcceptancePlan(alpha=0.1)
    for days_ago, bundle in enumerate((foreign, large, new, old)):
        record_promotion(bundle, plan, days_ago=days_ago)
    chosen = [
        known_good(bench, bench.entry("p1"), running.image.hash.hex() if running else None)
        for running in (None, never_promoted, old)
    ]
    assert [trial.bundle.release_id for trial in chosen] == [new.release_id, new.release_id, old.release_id]
    assert [trial.plan for trial in chosen] == [plan] * 3
