"""From one signing key to the next, on virtual boards: trust both, sign with the new one, drop the old one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import yaml

from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.boards.bench import Bench
from edge_deployer.errors import TinyopsError
from edge_deployer.release.keys import SigningKey
from edge_deployer.report.words import headline
from edge_deployer.rollout.release_line import ReleaseLine
from tests.edge_deployer.candidates import MakeCandidate
from tests.edge_deployer.inventories import write_fast_inventory
from tests.edge_deployer.outcomes import assert_outcome


def test_a_key_is_rotated_without_a_board_that_cannot_boot(
    tmp_path: Path, make_candidate: MakeCandidate, signing_key: SigningKey, other_key: SigningKey
) -> None:
    for name, key in (("old", signing_key), ("new", other_key)):
        (tmp_path / f"{name}.pem").write_bytes(key.public_pem)
    inventory = write_fast_inventory(tmp_path)

    def trusting(*names: str) -> Path:
        content = yaml.safe_load(inventory.read_text())
        inventory.write_text(yaml.safe_dump({**content, "public_key": [f"{name}.pem" for name in names]}))
        return inventory

    workspace = tmp_path / "work"
    old = ReleaseLine(workspace, trusting("old"), signing_key.path, AcceptancePlan(), "1.0.0", replace=True)
    new = dataclasses.replace(old, signing_key=other_key.path)
    deployment, first = old.push(make_candidate(4))
    assert_outcome(deployment, "promoted")
    refused, _ = new.push(make_candidate(5))
    assert_outcome(refused, "refused", at="signature")
    assert f"signed with key {other_key.id[:8]}, and not with a key that is trusted, {signing_key.id[:8]}" in headline(
        refused
    )
    assert {board.answer for board in refused.boards} == {"not asked"}

    trusting("old", "new")
    promoted, _ = new.push(make_candidate(5))
    assert_outcome(promoted, "promoted")
    assert {board.image_before for board in promoted.boards} == {first.image.hash.hex()}
    bench = Bench.load(inventory, workspace)
    for entry in bench.inventory.boards:
        assert bench.trusted_keys(entry) == signing_key.public_pem + other_key.public_pem
        found = bench.release_of(first.image.hash, entry)
        assert found is not None
        assert found.release_id == first.release_id

    trusting("new")
    with pytest.raises(TinyopsError, match=f"virtual board s1 trusts key {signing_key.id[:8]}, which") as raised:
        new.push(make_candidate(5))
    assert "until no board runs or goes back to what it signed" in raised.value.remedy
    for board in ("s1", "p1"):
        (workspace / "boards" / board / "public.pem").unlink()
    unchanged, _ = new.push(make_candidate(5))
    assert_outcome(unchanged, "unchanged")
    withdrawn, _ = old.push(make_candidate(4))
    assert_outcome(withdrawn, "refused", at="signature")
