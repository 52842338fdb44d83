"""`tinyops boards` as a user meets it: on virtual boards whose flash stays in the workspace between commands."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.boards.log import recorded_steps
from edge_deployer.finding import Told
from edge_deployer.inventory.quarantine import Quarantine
from edge_deployer.profile import load_profile
from edge_deployer.release.bundle import IMAGE_FILE, Bundle, Candidate
from edge_deployer.release.keys import SigningKey, load_or_create_signing_key
from edge_deployer.release.store import RECORD_FILE, ReleaseStore
from edge_deployer.rollout.release_line import ReleaseLine
from tests.edge_deployer import tiny_models
from tests.edge_deployer.candidates import MakeCandidate, record_promotion
from tests.edge_deployer.cli.command import TINYOPS, Done, tinyops, tinyops_process
from tests.edge_deployer.inventories import FAST, write_fast_inventory, write_inventory, write_profile
from tests.edge_deployer.outcomes import assert_outcome
from tests.edge_deployer.virtual_board.running_board import make_image, running_board


@dataclasses.dataclass(frozen=True)
class Workbench:
    """A folder with an inventory of fast virtual boards, and `tinyops boards` run in it."""

    folder: Path
    key: SigningKey

    def boards(self, *arguments: str | Path) -> Done:
        command, *rest = arguments
        return tinyops("boards", command, *rest, "--inventory", "boards.yaml")

    def answer(self, *arguments: str | Path, status: int = 0) -> Any:
        done = self.boards(*arguments, "--json")
        assert done.status == status, done.stdout + done.stderr
        return json.loads(done.stdout)

    def release(self, candidate: Candidate) -> Bundle:
        return ReleaseStore(self.folder / ".tinyops" / "releases").release(candidate, version="1.0.0", key=self.key)

    @property
    def quarantine(self) -> Quarantine:
        return Quarantine(self.folder / ".tinyops" / "boards")

    def describe(self, board: str, **fields: object) -> None:
        """Change a board in the inventory, or add it."""
        path = self.folder / "boards.yaml"
        boards = {entry["name"]: entry for entry in yaml.safe_load(path.read_text())["boards"]}
        boards[board] = boards.get(board, {"name": board, "profile": "fast.yaml"}) | fields
        write_inventory(self.folder, boards.values())

    def running(self, board: str = "p1") -> dict[str, Any] | None:
        (row,) = self.answer("probe", board)
        found: dict[str, Any] | None = row["running"]
        return found

    def put_for_good(self, bundle: Bundle) -> None:
        assert self.answer("install", "p1", bundle.folder.name)["outcome"] == "on trial"
        assert self.answer("confirm", "p1")["outcome"] == "confirmed"


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    monkeypatch.chdir(tmp_path)
    write_fast_inventory(tmp_path)
    return Workbench(tmp_path, load_or_create_signing_key(tmp_path / ".tinyops" / "keys" / "signing.pem"))


def test_the_list_names_every_board_and_powers_none(bench: Workbench) -> None:
    listed = bench.answer("list")
    assert [(board["name"], board["pool"], board["virtual"]) for board in listed] == [
        ("s1", "staging", True),
        ("p1", "production", True),
    ]
    bench.describe("s1", tags=["floor-2", "line-b"])
    assert [board["tags"] for board in bench.answer("list")] == [["floor-2", "line-b"], []]
    listed = bench.boards("list").stdout
    assert "virtual" in listed
    assert "floor-2 line-b" in listed
    assert not (bench.folder / ".tinyops" / "boards").exists()


def test_spares_and_boards_in_quarantine_are_told_without_touching_a_board(bench: Workbench) -> None:
    bench.describe("s2", pool="staging", virtual=True, spare=True)
    bench.quarantine.confine("s2", Told(text="labels: 9 of 20 samples"))
    listed = {board["name"]: (board["spare"], board["quarantined"]) for board in bench.answer("list")}
    assert listed == {"s1": (False, None), "p1": (False, None), "s2": (True, "labels: 9 of 20 samples")}
    health = {row["board"]: row for row in bench.answer("health")}
    assert [row["quarantined"] for row in health.values()] == [None, None, "labels: 9 of 20 samples"]
    assert datetime.fromisoformat(health["s2"]["since"]) == bench.quarantine.boards()["s2"].since
    for command in ("list", "health"):
        (line,) = (line for line in bench.boards(command).stdout.splitlines() if line.startswith("s2"))
        assert "staging (spare)" in line
        assert "quarantined" in line
    assert "labels: 9 of 20 samples" in bench.boards("health").stdout
    assert not [path for path in (bench.folder / ".tinyops" / "boards").iterdir() if path.is_dir()]


def test_a_board_with_wrong_outputs_stays_in_quarantine_and_comes_back_once_it_is_mended(
    bench: Workbench, make_candidate: MakeCandidate
) -> None:
    line = ReleaseLine(Path(".tinyops"), Path("boards.yaml"), None, AcceptancePlan(), "1.0.0")
    deployment, bundle = line.push(make_candidate(4))
    assert_outcome(deployment, "promoted")
    bench.quarantine.confine("s1", Told(text="differed alone"))
    (bench.folder / "wrong.yaml").write_text("{wrong_outputs: 1.0}")
    for board in ("s1", "p1"):
        bench.describe(board, faults="wrong.yaml")
    bench.describe("s2", pool="staging", virtual=True, spare=True)
    ill = {test["board"]: test for test in bench.answer("health", "s1", "p1", "s2", "s1", status=3)}
    assert [test["result"] for test in ill.values()] == ["failed", "failed", "passed"]
    assert {test["release"] for test in ill.values()} == {bundle.release_id}
    assert ill["s1"]["quarantined"] == "differed alone"
    assert "p1 fails its self-test" in ill["p1"]["quarantined"]
    soak = next(check for check in ill["s2"]["checks"] if check["name"] == "soak")
    assert "32 repeated ones" in soak["detail"], "all that a staging board is asked"
    assert set(bench.quarantine.boards()) == {"s1", "p1"}
    for board in ("s1", "p1"):
        bench.describe(board, faults=None)
    mended = bench.boards("health", "s1", "p1")
    assert mended.status == 0, mended.stderr
    assert mended.stdout.count("it is no longer in quarantine") == 2
    assert bench.quarantine.boards() == {}
    actions = [step["action"] for step in bench.answer("log", "p1")["steps"]]
    assert actions[-9:] == [
        *["self-test", "examine", "refused", "quarantined"],
        *["self-test", "examine", "accepted", "power cycle", "released"],
    ]
    images = {row["board"]: row["running"] and row["running"]["hash"] for row in bench.answer("probe")}
    release = bundle.image.hash.hex()
    assert images == {"s1": release, "p1": release, "s2": None}, "a board without an image has none after its test"


def test_boards_get_their_own_image_back_after_a_self_test_and_after_ctrl_c(
    bench: Workbench, make_candidate: MakeCandidate
) -> None:
    own, good = bench.release(make_candidate(4)), bench.release(make_candidate(200))
    bench.put_for_good(own)
    record_promotion(good)
    bench.quarantine.confine("p1", Told(text="differed alone"))
    write_profile(bench.folder, "fast", **FAST | {"line_rate": 9600})
    command = [TINYOPS, "boards", "health", "p1", "s1", "--inventory", "boards.yaml"]
    with subprocess.Popen(command, cwd=bench.folder, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        waits_for = {"p1", "s1"}
        while waits_for:
            line = process.stderr.readline()
            assert line, f"no install on {waits_for}"
            board, _, step = line.strip().partition("  ")
            waits_for -= {board} if step.startswith("install") else set()
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert set(bench.quarantine.boards()) == {"p1"}
    for board in ("p1", "s1"):
        assert recorded_steps(bench.folder / ".tinyops", board)[-1].action == "reverted"
    write_profile(bench.folder, "fast", **FAST)
    (test,) = bench.answer("health", "p1")
    assert (test["result"], test["release"], test["quarantined"]) == ("passed", good.release_id, None)
    kept = bench.running()
    assert kept is not None
    assert (kept["hash"], kept["confirmed"]) == (own.image.hash.hex(), True)


def test_a_board_with_an_image_on_trial_is_not_tested(bench: Workbench, make_candidate: MakeCandidate) -> None:
    bundle = bench.release(make_candidate(4))
    record_promotion(bundle)
    bench.answer("install", "p1", bundle.folder.name)
    (test,) = bench.answer("health", "p1", status=3)
    assert test["result"] == "refused"
    assert "tinyops boards revert p1" in test["remedy"]
    on_trial = bench.running()
    assert on_trial is not None
    assert (on_trial["hash"], on_trial["confirmed"]) == (bundle.image.hash.hex(), False)


def test_a_board_that_cannot_be_reached_is_neither_confined_nor_released(
    bench: Workbench, make_candidate: MakeCandidate
) -> None:
    record_promotion(bench.release(make_candidate(4)))
    for board in ("lost", "ill"):
        bench.describe(board, pool="staging", url=str(bench.folder / f"no-port-of-{board}"))
    bench.quarantine.confine("ill", Told(text="differed alone"))
    tests = bench.answer("health", "lost", "ill", status=1)
    assert [(test["result"], test["quarantined"]) for test in tests] == [
        ("not reached", None),
        ("not reached", "differed alone"),
    ]


def test_a_damaged_record_of_a_promotion_is_named(bench: Workbench, make_candidate: MakeCandidate) -> None:
    bundle = bench.release(make_candidate(4))
    (bundle.folder / RECORD_FILE).write_text('{"release": {}}')
    done = bench.boards("health", "p1")
    assert done.status == 1
    assert "deployment.json is damaged, or of another version: release.image_hash" in done.stderr


def test_a_board_that_does_not_answer_is_a_row_with_the_reason(bench: Workbench) -> None:
    bench.describe("lost", pool="production", url=str(bench.folder / "no-such-port"))
    found = {row["board"]: row for row in bench.answer("probe", status=1)}
    assert [row["reachable"] for row in found.values()] == [True, True, False]
    assert "cannot be opened" in found["lost"]["problem"]
    assert found["p1"]["reset_reason"] == "power_on"
    shown = bench.boards("probe", "lost")
    assert shown.status == 1
    assert "does not answer" in shown.stdout


def test_a_release_on_trial_is_confirmed_and_stays(bench: Workbench, make_candidate: MakeCandidate) -> None:
    bundle = bench.release(make_candidate(4))
    installed = bench.answer("install", "p1", bundle.release_id)
    assert installed["outcome"] == "on trial", installed["detail"]
    assert "tinyops boards confirm p1" in installed["remedy"]
    for _ in range(2):  # a virtual board is powered anew by each command, and its trial goes on
        on_trial = bench.running()
        assert on_trial is not None
        assert (on_trial["hash"], on_trial["confirmed"]) == (bundle.image.hash.hex(), False)
    confirmed = bench.answer("confirm", "p1")
    assert confirmed["outcome"] == "confirmed", confirmed["detail"]
    assert "golden vector right" in confirmed["detail"]
    kept = bench.running()
    assert kept is not None
    assert (kept["hash"], kept["confirmed"]) == (bundle.image.hash.hex(), True)
    assert bench.answer("confirm", "p1")["outcome"] == "unchanged"
    assert bench.answer("install", "p1", bundle.folder)["outcome"] == "unchanged"


def test_a_board_on_the_network_is_worked_on_like_any_other(bench: Workbench, make_candidate: MakeCandidate) -> None:
    bundle = bench.release(make_candidate(4))
    public = bench.folder / "public.pem"
    public.write_bytes(bench.key.public_pem)
    np.save(bench.folder / "samples.npy", np.eye(4, dtype=np.int8))
    with running_board(bench.folder / "real" / "p1", public, udp=True) as board:
        bench.describe("p1", virtual=False, url=board.url)
        assert bench.answer("list")[1]["url"] == board.url
        bench.put_for_good(bundle)
        running = bench.running()
        assert running is not None
        assert (running["hash"], running["confirmed"]) == (bundle.image.hash.hex(), True)
        assert len(bench.answer("infer", "p1", "samples.npy")["samples"]) == 4
    (row,) = bench.answer("probe", "p1", status=1)
    assert "no SMP server listens there: Connection refused" in json.dumps(row)


def test_revert_takes_a_trial_back(bench: Workbench, make_candidate: MakeCandidate) -> None:
    old, new = bench.release(make_candidate(4)), bench.release(make_candidate(5))
    bench.put_for_good(old)
    bench.answer("install", "p1", new.folder.name)
    reverted = bench.answer("revert", "p1")
    assert reverted["outcome"] == "reverted", reverted["detail"]
    assert reverted["running"]["hash"] == old.image.hash.hex()


def test_revert_brings_the_release_before_the_confirmed_one_back_for_good(
    bench: Workbench, make_candidate: MakeCandidate
) -> None:
    old, new = bench.release(make_candidate(4)), bench.release(make_candidate(5))
    bench.put_for_good(old)
    bench.put_for_good(new)
    reverted = bench.answer("revert", "p1")
    assert reverted["outcome"] == "reverted", reverted["detail"]
    assert reverted["running"]["hash"] == old.image.hash.hex()
    kept = bench.running()
    assert kept is not None
    assert (kept["hash"], kept["confirmed"]) == (old.image.hash.hex(), True)


def test_nothing_to_go_back_to_is_a_refusal(bench: Workbench, make_candidate: MakeCandidate) -> None:
    bench.put_for_good(bench.release(make_candidate(4)))
    refused = bench.answer("revert", "p1", status=3)
    assert "spare slot holds no image" in refused["detail"]


def test_a_trial_that_gets_its_first_samples_wrong_is_not_confirmed(
    bench: Workbench, make_candidate: MakeCandidate
) -> None:
    candidate = make_candidate(4)
    wrong = dataclasses.replace(candidate.acceptance, outputs=np.roll(candidate.acceptance.outputs, 1, axis=1))
    bundle = bench.release(dataclasses.replace(candidate, acceptance=wrong))
    bench.answer("install", "p1", bundle.folder.name)
    refused = bench.answer("confirm", "p1", status=3)
    assert "first 3 samples differ" in refused["detail"]
    assert refused["running"]["confirmed"] is False
    assert "remedy" in bench.boards("confirm", "p1").stdout


def test_an_image_that_no_release_explains_is_confirmed_once_its_model_loads(bench: Workbench) -> None:
    (bench.folder / "model.img").write_bytes(make_image(tiny_models.identity_classifier(), "2.0.0", bench.key.path))
    bench.answer("install", "p1", "model.img")
    confirmed = bench.answer("confirm", "p1")
    assert confirmed["outcome"] == "confirmed", confirmed["detail"]
    assert "no sample was judged" in confirmed["detail"]


def test_a_model_that_the_board_cannot_load_is_taken_back(bench: Workbench, make_candidate: MakeCandidate) -> None:
    old = bench.release(make_candidate(4))
    bench.put_for_good(old)
    (bench.folder / "odd.img").write_bytes(make_image(tiny_models.with_unknown_op(), "2.0.0", bench.key.path))
    refused = bench.answer("install", "p1", "odd.img", status=3)
    assert "made-up-op" in refused["detail"]
    assert (refused["running"]["hash"], refused["running"]["confirmed"]) == (old.image.hash.hex(), True)


def test_a_second_image_does_not_push_a_trial_aside(bench: Workbench, make_candidate: MakeCandidate) -> None:
    old, first, second = (bench.release(make_candidate(classes)) for classes in (4, 5, 6))
    bench.put_for_good(old)
    bench.answer("install", "p1", first.folder.name)
    refused = bench.answer("install", "p1", second.folder.name, status=3)
    assert "on trial" in refused["detail"]
    assert refused["running"]["hash"] == first.image.hash.hex()


def test_an_image_that_is_not_for_the_board_is_refused_before_the_board_is_touched(
    bench: Workbench, make_candidate: MakeCandidate, other_key: SigningKey
) -> None:
    foreign = make_image(tiny_models.identity_classifier(), "1.0.0", other_key.path)
    (bench.folder / "foreign.img").write_bytes(foreign)
    refused = bench.answer("install", "p1", "foreign.img", status=3)
    assert "not signed with a key that p1 trusts" in refused["detail"]
    bundle = bench.release(make_candidate(4))
    write_profile(bench.folder, "fast", **FAST, slot_bytes=32768)
    # The trailer takes a part of the slot: what is as large as the slot is too large, too.
    (bench.folder / "big.img").write_bytes(make_image(bytes(32768 - 200), "1.0.0", bench.key.path))
    room = load_profile("fast.yaml").image_bytes
    assert f"a slot of p1 (fast) holds {room:,}" in bench.answer("install", "p1", "big.img", status=3)["detail"]
    write_profile(bench.folder, "fast", **FAST, arena_bytes=16)
    refused = bench.answer("install", "p1", bundle.folder.name, status=3)
    assert "arena" in refused["detail"]
    assert not (bench.folder / ".tinyops" / "boards").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["install", "p1", "nowhere.img"], "neither a file nor a release"),
        (["install", "p1", "text.img"], "not an MCUboot image"),
        (["install", "p1", "damaged.img"], "damaged"),
        (["install", "p9", "damaged.img"], "no board named 'p9'"),
        (["probe", "p9"], "no board named 'p9'"),
        (["health", "p9"], "no board named 'p9'"),
        (["health", "p1"], "no release in .tinyops is known to be good for p1"),
        (["infer", "p1", "nowhere.npz"], "nowhere.npz does not exist"),
        (["infer", "p1", "nowhere.npy"], "nowhere.npy cannot be read"),
        (["infer", "p1", "text.img"], "none of the kinds of file"),
        (["infer", "p1", "words.csv"], "not a table of numbers"),
        (["infer", "p1", "nan.npy"], "not finite"),
        (["log", "p9"], "no board named 'p9'"),
    ],
)
def test_a_mistake_is_named_and_no_board_is_powered(bench: Workbench, arguments: list[str], message: str) -> None:
    image = bytearray(make_image(tiny_models.identity_classifier(), "1.0.0", bench.key.path))
    image[40] ^= 1
    (bench.folder / "damaged.img").write_bytes(image)
    (bench.folder / "text.img").write_text("a text that is longer than the header of an image is")
    (bench.folder / "words.csv").write_text("one,two\n")
    np.save(bench.folder / "nan.npy", np.array([[np.nan]]))
    done = bench.boards(*arguments)
    assert done.status == 1
    assert message in done.stderr
    assert "remedy:" in done.stderr
    assert not (bench.folder / ".tinyops" / "boards").exists()


def test_an_altered_release_is_not_installed(bench: Workbench, make_candidate: MakeCandidate) -> None:
    bundle = bench.release(make_candidate(4))
    with (bundle.folder / "acceptance.npz").open("ab") as file:
        file.write(b"x")
    done = bench.boards("install", "p1", bundle.folder.name)
    assert done.status == 1
    assert "acceptance.npz is not the file that was released" in done.stderr


def test_real_values_are_quantised_with_the_models_own_scale(bench: Workbench, make_candidate: MakeCandidate) -> None:
    bundle = bench.release(make_candidate(4))
    bench.put_for_good(bundle)
    stored = np.array([[1, 2, 3, -4], [90, -100, 0, 5]], np.int8)
    np.savez(bench.folder / "stored.npz", inputs=stored)
    of_stored = bench.answer("infer", "p1", "stored.npz")
    assert of_stored["image"] == bundle.image.hash.hex()
    assert [(sample["class"], sample["name"]) for sample in of_stored["samples"]] == [(2, "class 2"), (0, "class 0")]
    # The identity classifier's scores are its inputs as real values: given back, they are the same samples.
    real = np.array([sample["scores"] for sample in of_stored["samples"]])
    np.savetxt(bench.folder / "real.csv", real, delimiter=",", fmt="%.9f")
    np.save(bench.folder / "real.npy", real)
    for name in ("real.csv", "real.npy"):
        assert bench.answer("infer", "p1", name)["samples"] == of_stored["samples"]
    assert all(sample["microseconds"] > 0 for sample in of_stored["samples"])
    assert "class 2" in bench.boards("infer", "p1", "stored.npz").stdout
    np.save(bench.folder / "wide.npy", np.zeros((1, 9)))
    assert "9 values" in bench.boards("infer", "p1", "wide.npy").stderr


def test_the_log_tells_deployments_and_commands_oldest_first(bench: Workbench, make_candidate: MakeCandidate) -> None:
    (bench.folder / "model.tflite").write_bytes(tiny_models.identity_classifier(4))
    labels = np.arange(480) % 4
    np.savez(bench.folder / "held_out.npz", inputs=np.eye(4)[labels] * 10, labels=labels)
    push = ["push", "model.tflite", "--data", "held_out.npz", "--inventory", "boards.yaml"]
    pushed = tinyops_process(*push, cwd=bench.folder)
    assert pushed.returncode == 0, pushed.stdout + pushed.stderr
    bench.put_for_good(bench.release(make_candidate(5)))
    logged = bench.answer("log", "p1")
    actions = [step["action"] for step in logged["steps"]]
    assert actions == ["install", "reset", "examine", "accepted", "confirm", "install", "reset", "confirm"]
    assert {step["board"] for step in logged["steps"]} == {"p1"}
    assert [step["at"] for step in logged["steps"]] == sorted(step["at"] for step in logged["steps"])
    assert logged["firmware_log"]
    shown = bench.boards("log", "p1").stdout
    assert str(Path(".tinyops", "boards", "p1", "board.log")) in shown
    assert shown.count("install") == 2


def test_ctrl_c_while_an_image_is_uploaded_leaves_the_board_as_it_was(
    bench: Workbench, make_candidate: MakeCandidate
) -> None:
    old, new = bench.release(make_candidate(4)), bench.release(make_candidate(200))
    bench.put_for_good(old)
    write_profile(bench.folder, "fast", **FAST | {"line_rate": 9600})
    command = [TINYOPS, "boards", "install", "p1", new.folder.name, "--inventory", "boards.yaml"]
    with subprocess.Popen(command, cwd=bench.folder, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "install" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    assert process.returncode == 130, said
    assert "Traceback" not in said
    write_profile(bench.folder, "fast", **FAST)
    kept = bench.running()
    assert kept is not None
    assert (kept["hash"], kept["confirmed"]) == (old.image.hash.hex(), True)


def test_help_has_an_example_for_every_command(tmp_path: Path) -> None:
    for command in ("list", "probe", "health", "install", "confirm", "revert", "infer", "log"):
        shown = tinyops_process("boards", command, "--help", cwd=tmp_path).stdout
        assert f"Example: tinyops boards {command}" in " ".join(shown.split()), shown


def test_a_release_is_the_same_by_folder_and_by_file(bench: Workbench, make_candidate: MakeCandidate) -> None:
    bundle = bench.release(make_candidate(4))
    bench.answer("install", "p1", bundle.folder / IMAGE_FILE)
    assert "already" in bench.answer("install", "p1", bundle.folder)["detail"]
