"""`tinyops rollout`, `pools` and `audit`: what a release engineer reads and types, on real virtual boards."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.edge_deployer.cli.command import Done, tinyops
from tests.edge_deployer.inventories import write_fast_inventory
from tests.edge_deployer.tiny_models import identity_classifier


class Engineer:
    """Types commands about one inventory and one workspace."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.workspace = folder, folder / "workspace"

    def push(self, classes: int, *options: str) -> Done:
        model = self.folder / f"{classes}.tflite"
        model.write_bytes(identity_classifier(classes))
        return self("push", str(model), "--replace", *options)

    def __call__(self, *words: str) -> Done:
        # Whoever goes on with a rollout need not name the boards that it began with.
        boards = words[0] in ("push", "pools") or words[:2] == ("rollout", "start")
        inventory = ["--inventory", str(self.folder / "boards.yaml")] if boards else []
        return tinyops(*words, *inventory, "--workspace", self.workspace)

    def read(self, *words: str) -> dict[str, object]:
        return json.loads(self(*words, "--json").stdout)  # type: ignore[no-any-return]

    def runs(self) -> dict[str, str]:
        """The release that each board is known to run."""
        boards = json.loads(self("pools", "--json").stdout)["boards"]
        return {board["board"]: board["release"].partition("-")[0] for board in boards}


@pytest.fixture
def engineer(tmp_path: Path) -> Engineer:
    write_fast_inventory(tmp_path, staging=("s1",), production=("p1", "p2", "p3"))
    engineer = Engineer(tmp_path)
    assert engineer.push(4).status == 0
    return engineer


def everywhere(release: str) -> dict[str, str]:
    return dict.fromkeys(("s1", "p1", "p2", "p3"), release)


def test_a_wave_waits_for_approval_and_what_was_promoted_is_rolled_back(engineer: Engineer) -> None:
    strategy = engineer.folder / "waves.yaml"
    strategy.write_text("waves: [{boards: 1}, {approval: true}]\n")
    refused = engineer.push(5, "--strategy", str(strategy))
    assert (refused.status, "a push ends when its command does" in refused.stderr) == (1, True)
    assert engineer.push(5).status == 0
    assert engineer.push(4).status == 0
    shown = engineer("rollout", "start", "1.0.0+2", "--strategy", str(strategy), "--replace", "--dry-run")
    assert (shown.status, engineer.runs()) == (0, everywhere("1.0.0+1"))
    assert [line.split()[:3] for line in shown.stdout.splitlines() if "wave" in line][1:3] == [
        ["wave", "1", "1"],
        ["wave", "2", "2"],
    ]

    waits = engineer("rollout", "start", "1.0.0+2", "--strategy", str(strategy), "--replace")
    assert (waits.status, "waits for the approval of wave 2" in waits.stdout) == (0, True)
    assert engineer.runs() == {"s1": "1.0.0+2", "p1": "1.0.0+2", "p2": "1.0.0+1", "p3": "1.0.0+1"}
    assert engineer.read("pools")["unfinished_rollout"] == "r4"
    early = engineer("rollout", "resume", "r4")
    assert (early.status, "tinyops rollout approve r4" in early.stderr) == (1, True)
    by_hand = tinyops(
        "boards", "revert", "p2", "--inventory", engineer.folder / "boards.yaml", "--workspace", engineer.workspace
    )
    assert (by_hand.status, "p2: rollout r4 has not ended" in by_hand.stderr) == (1, True)
    other = engineer.push(6)
    assert (other.status, "it waits for the approval of wave 2" in other.stderr) == (1, True)

    assert engineer("rollout", "approve", "r4", "--why", "watched", "--who", "Ada").status == 0
    assert engineer("rollout", "resume", "r4").status == 0
    assert engineer.runs() == everywhere("1.0.0+2")
    status = engineer("rollout", "status")
    assert "approved: wave 2 by Ada" in status.stdout
    assert engineer("rollout", "probe", "r4").status == 0

    back = engineer("rollout", "rollback", "r4", "--why", "false alarms", "--who", "Bob")
    assert (back.status, "taken back by Bob: false alarms" in back.stdout) == (3, True)
    assert engineer.runs() == everywhere("1.0.0+1")
    assert engineer("rollout", "rollback", "r4", "--who", "Bob").status == 3, "again changes nothing"
    assert engineer.runs() == everywhere("1.0.0+1")
    assert [each.split()[0] for each in engineer("rollout", "history").stdout.splitlines() if each.startswith("r")][
        1:
    ] == [
        *("r4", "r3", "r2", "r1"),
    ]


def test_the_trail_shows_what_was_changed_in_it(engineer: Engineer) -> None:
    whole = engineer("audit", "verify")
    assert (whole.status, whole.stdout.startswith("whole: ")) == (0, True)
    kept = engineer.folder / "head.json"
    kept.write_bytes((engineer.workspace / "fleet" / "head.json").read_bytes())
    trail = engineer.workspace / "fleet" / "trail.sqlite"
    with closing(sqlite3.connect(trail)) as connection, connection:
        connection.execute("DROP TRIGGER never_removed")
        connection.execute("DELETE FROM entries WHERE seq = (SELECT MAX(seq) FROM entries)")
    cut = engineer("audit", "verify", "--head", str(kept))
    assert (cut.status, "the end was cut off" in cut.stdout) == (3, True)
    (engineer.workspace / "keys" / "signing.pem").unlink()
    unknown = engineer("audit", "verify", "--head", str(kept))
    assert (unknown.status, "--public-key" in unknown.stderr) == (1, True)


def test_an_attestation_that_was_altered_is_told(engineer: Engineer) -> None:
    verified = engineer("releases", "verify", "1.0.0+1")
    assert (verified.status, "attestation: accepted by s1" in verified.stdout) == (0, True)
    attestation = next((engineer.workspace / "releases").glob("*/attestation.json"))
    envelope = json.loads(attestation.read_text())
    envelope["payload"] = envelope["payload"][:-8] + "AAAAAAAA"
    attestation.write_text(json.dumps(envelope))
    altered = engineer("releases", "verify", "1.0.0+1")
    assert (altered.status, "does not hold" in altered.stdout) == (1, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rollout", "status", "r7"], "has no rollout 'r7'"),
        (["rollout", "resume", "r7"], "has no rollout 'r7'"),
        (["rollout", "resume", "r1"], "rollout r1 has ended: promoted"),
        (["rollout", "abort", "r1"], "rollout r1 has ended: promoted"),
        (["rollout", "approve", "r1", "--why", "x"], "rollout r1 has ended"),
        (["rollout", "start", "9.9.9"], "9.9.9"),
        (["pools", "spares"], "there is no pool 'spares'"),
        (["pools", "--tag", "attic"], "no board has the tags attic"),
    ],
)
def test_a_mistake_is_named_with_a_remedy(engineer: Engineer, words: list[str], said: str) -> None:
    done = engineer(*words)
    assert (done.status, said in done.stderr, "remedy: " in done.stderr) == (1, True, True), done
