"""The command line as a user meets it: help, wrong input, and installs without TensorFlow."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import typer

from edge_deployer.cli import app as app_module
from tests.edge_deployer.cli.command import TINYOPS, Done, tinyops, tinyops_process
from tests.edge_deployer.inventories import write_fast_inventory
from tests.edge_deployer.malformed_files import BOMB, write_torn
from tests.edge_deployer.outcomes import assert_outcome
from tests.edge_deployer.tiny_models import identity_classifier, with_unknown_op
from tests.environments import ROOT, environment, install

HELP_SECONDS = 0.4
BOARDS = """
boards:
  - {name: s1, pool: staging, virtual: true, profile: cortex-m4}
  - {name: p1, pool: production, virtual: true}
"""

ONE_PORT = """
boards:
  - {name: s1, pool: staging, url: "socket://localhost:4000"}
  - {name: p1, pool: production, url: "rfc2217://127.0.0.1:4000"}
"""


def test_help_teaches_and_is_quick(tmp_path: Path) -> None:
    tinyops_process("--help", cwd=tmp_path)  # the first call may compile bytecode
    seconds = []
    for _ in range(5):
        # Of the processor: other tests may run beside this one.
        before = os.times()
        shown = tinyops_process("--help", cwd=tmp_path)
        after = os.times()
        seconds.append(after.children_user + after.children_system - before.children_user - before.children_system)
    assert "push" in shown.stdout
    assert "run" in shown.stdout
    assert "Exit status" in shown.stdout
    assert min(seconds) < HELP_SECONDS


def test_help_imports_nothing_heavy() -> None:
    heavy = {"tensorflow", "tfx", "apache_beam", "numpy", "pydantic", "smpclient", "kfp", "rich"}
    program = (
        "import sys\nfrom edge_deployer.cli.app import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print('heavy:', sorted({heavy!r} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "push" in shown
    assert "heavy: []" in shown


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["nowhere.tflite"], "nowhere.tflite cannot be read"),
        (["model.tflite", "--data", "nowhere.npz"], "nowhere.npz does not exist"),
        (["model.tflite", "--data", "model.tflite"], "cannot be read as an .npz file"),
        (["model.tflite", "--data", "nan.npz"], "not finite"),
        (["model.tflite", "--data", "single.npy"], "single.npy holds a single array"),
        (["model.tflite", "--data", "empty.npz"], "empty.npz cannot be read as an .npz file"),
        (["model.tflite", "--data", "torn.npz"], "torn.npz cannot be read as an .npz file"),
        (["model.tflite", "--data", "shape.npz"], "shape [5]"),
        (["model.tflite", "--data", "label.npz"], "5 classes; the model has 4 outputs"),
        (["model.tflite", "--plan", "plan.yaml"], "min_acuracy: unknown key"),
        (["model.tflite", "--inventory", "nowhere.yaml"], "nowhere.yaml cannot be read"),
        (["model.tflite", "--inventory", "folder"], "inventory folder: no *.yaml or *.yml file is in the folder"),
        (["model.tflite", "--inventory", "latin-1.yaml"], "latin-1.yaml is not YAML"),
        (["model.tflite", "--inventory", "boards.yaml"], "broken.yaml is not YAML"),
        (["model.tflite", "--inventory", "keyless.yaml"], "nowhere.pem does not exist"),
        (["model.tflite", "--signing-key", "folder"], "folder cannot be read: Is a directory"),
        (["model.tflite", "--workspace", "model.tflite"], "Not a directory"),
        (["model.tflite", "--signing-key", "nowhere.pem"], "nowhere.pem does not exist"),
        (["model.tflite", "--signing-key", "empty.npz"], "empty.npz is empty"),
        (["model.tflite", "--data", "folder"], "folder is a folder, not an .npz file"),
        (["model.tflite", "--data", "x" * 300], "cannot be read: File name too long"),
        (["model.tflite", "--plan", "bomb.yaml"], "its aliases spelt out"),
        (["model.tflite", "--plan", "list.yaml"], "acceptance plan list.yaml: (whole file) = [['xxxx"),
        (["model.tflite", "--inventory", "one-port.yaml"], "s1 and p1 are the same port"),
        (["model.tflite", "--workspace", "two\nlines"], "has a line break"),
    ],
)
def test_a_mistake_is_named_with_a_remedy_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.tflite").write_bytes(identity_classifier(4))
    (tmp_path / "plan.yaml").write_text("min_acuracy: 0.9\n")
    np.savez(tmp_path / "nan.npz", inputs=np.array([[0, 1, 2, np.nan]]))
    np.savez(tmp_path / "shape.npz", inputs=np.zeros((3, 5)))
    np.savez(tmp_path / "label.npz", inputs=np.zeros((3, 4)), labels=np.array([0, 1, 4]))
    np.save(tmp_path / "single.npy", np.zeros((3, 4)))
    (tmp_path / "empty.npz").touch()
    write_torn(tmp_path / "torn.npz")
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin-1.yaml").write_bytes("boards: schön".encode("latin-1"))
    (tmp_path / "broken.yaml").write_text("name: [")
    (tmp_path / "boards.yaml").write_text(BOARDS.replace("cortex-m4", "broken.yaml"))
    (tmp_path / "keyless.yaml").write_text("public_key: nowhere.pem\n" + BOARDS)
    (tmp_path / "bomb.yaml").write_text(BOMB)
    (tmp_path / "list.yaml").write_text(f"- [{'x' * 10**6}]\n" * 3)
    (tmp_path / "one-port.yaml").write_text(ONE_PORT)
    done = tinyops("push", *options)
    assert done.status == 1
    assert message in done.stderr
    assert len(done.stderr) < 2000
    assert "remedy:" in done.stderr
    assert not (tmp_path / ".tinyops" / "releases").exists()
    assert not (tmp_path / ".tinyops" / "boards").exists()


def test_a_refused_model_is_an_exit_status_and_a_report(tmp_path: Path) -> None:
    (tmp_path / "odd.tflite").write_bytes(with_unknown_op())
    done = tinyops_process("push", "odd.tflite", "--json", cwd=tmp_path)
    assert done.returncode == 3
    outcome = json.loads(done.stdout)
    assert_outcome(outcome, "refused", at="validation")
    assert "made-up-op" in outcome["reason"]
    assert Path(tmp_path, outcome["report"]).is_file()
    assert outcome["log"] is None


def test_the_version_is_that_of_the_install() -> None:
    done = tinyops("--version")
    assert (done.status, done.stdout) == (0, f"tinyops {version('tinyml-ops')}\n")


def test_the_shell_completes_commands_and_those_below_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_TINYOPS_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "tinyops re")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert {"register", "releases", "replay", "report"} == set(tinyops_process(cwd=tmp_path).stdout.split())
    monkeypatch.setenv("COMP_WORDS", "tinyops report ")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert {"list", "open", "show"} < set(tinyops_process(cwd=tmp_path).stdout.split())


def test_an_unknown_command_is_wrong_usage(tmp_path: Path) -> None:
    done = tinyops_process("psuh", cwd=tmp_path)
    assert done.returncode == 2
    assert "psuh" in done.stderr


@pytest.fixture(scope="module")
def installed() -> dict[str, Path]:
    """`tinyops` of two installs of this checkout without TensorFlow: the gateway's, and one with the `sim` extra."""
    programs = {}
    for kind in ("gateway", "sim"):
        programs[kind] = environment(kind, ROOT / "requirements" / f"{kind}.txt")
        install(programs[kind], "--no-deps", "--reinstall-package", "tinyml-ops", ROOT)
    return {kind: folder / "tinyops" for kind, folder in programs.items()}


def test_a_gateway_shows_the_device_commands_only(installed: dict[str, Path], tmp_path: Path) -> None:
    shown = tinyops_process("--help", cwd=tmp_path, program=installed["gateway"]).stdout
    assert "push" in shown
    assert "Train a model" not in shown
    refused = tinyops_process("run", cwd=tmp_path, program=installed["gateway"])
    assert refused.returncode == 1
    assert ".[pipeline]" in refused.stderr


def test_push_without_the_sim_extra_says_what_to_install(installed: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(identity_classifier(4))
    refused = tinyops_process("push", "model.tflite", cwd=tmp_path, program=installed["gateway"])
    assert refused.returncode == 1
    assert ".[sim]" in refused.stderr


def test_push_promotes_without_tfx_installed(installed: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(identity_classifier(4))
    done = tinyops_process("push", "model.tflite", "--json", cwd=tmp_path, program=installed["sim"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert_outcome(json.loads(done.stdout), "promoted")
    find_tfx = "import importlib.util as u; print([u.find_spec(n) for n in ('tfx', 'tensorflow')])"
    python = installed["sim"].with_name("python")
    found = subprocess.run([python, "-c", find_tfx], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[None, None]"


@dataclasses.dataclass(frozen=True)
class Fleet:
    """Quick virtual boards in one workspace, which run the model of 4 classes for good."""

    folder: Path

    @property
    def options(self) -> list[str]:
        return ["--inventory", str(self.folder / "boards.yaml"), "--workspace", str(self.folder / "workspace")]

    def model(self, classes: int) -> str:
        path = self.folder / f"{classes}.tflite"
        path.write_bytes(identity_classifier(classes))
        return str(path)

    def push(self, classes: int, *options: str) -> Done:
        return tinyops("push", self.model(classes), "--replace", *self.options, *options)

    def pushing(self, classes: int, *options: str, ignored: Sequence[signal.Signals] = ()) -> subprocess.Popen[str]:
        """A push as a process, in a session of its own."""

        def ignore() -> None:
            for number in ignored:
                signal.signal(number, signal.SIG_IGN)

        command = [str(TINYOPS), "push", self.model(classes), "--replace", *self.options, *options]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True, preexec_fn=ignore)

    def runs(self) -> set[tuple[str, bool]]:
        """Versions that boards run, and whether for good."""
        rows = json.loads(tinyops("boards", "probe", *self.options, "--json").stdout)
        return {(row["running"]["version"], row["running"]["confirmed"]) for row in rows}


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    write_fast_inventory(tmp_path, staging=("s1", "s2"), production=("p1", "p2"))
    made = Fleet(tmp_path)
    done = made.push(4)
    assert done.status == 0, done.stderr
    return made


def until(said: Iterable[str], words: str) -> None:
    """Read what a command says."""
    assert any(words in line for line in said), f"it never said {words}"


EARLIER = r"s1, s2, p1 and p2 run release 1\.0\.0\+1-[0-9a-f]{8}"


def test_signals_take_boards_back_at_once_and_the_last_word_is_what_they_run(fleet: Fleet) -> None:
    """As a terminal and CI systems send them: to all that runs in the session."""
    with fleet.pushing(5) as process:
        assert process.stderr is not None
        until(process.stderr, "examine")
        os.killpg(process.pid, signal.SIGHUP)
        said = process.stderr.read().splitlines()
    assert process.returncode == 129
    assert sum("reverted" in line for line in said) == 2
    assert re.fullmatch(f"stopped by SIGHUP; {EARLIER}", said[-1])

    with fleet.pushing(5) as process:
        assert process.stderr is not None
        until(process.stderr, "examine")
        said = []
        os.killpg(process.pid, signal.SIGTERM)
        for line in process.stderr:
            said.append(line.rstrip())
            if not line.startswith("SIGINT: waiting for"):
                os.killpg(process.pid, signal.SIGINT)
    assert sum("reverted" in line for line in said) == 2
    assert "Traceback" not in "".join(said)
    assert re.fullmatch(f"stopped by SIGTERM; {EARLIER}", said[-1])
    assert fleet.runs() == {("1.0.0.1", True)}


def test_a_signal_is_json_too(fleet: Fleet) -> None:
    log = fleet.folder / "workspace" / "boards" / "s1" / "board.log"
    before = log.stat().st_size
    with fleet.pushing(5, "--json") as process:
        assert process.stdout is not None
        while log.stat().st_size == before:
            assert process.poll() is None
        process.terminate()
        answer = json.loads(process.stdout.read())
    assert process.returncode == 143
    assert answer["outcome"] == "stopped"
    assert answer["error"]["message"].startswith("stopped by SIGTERM")
    assert json.loads(fleet.push(4, "--json").stdout)["outcome"] == "unchanged", "the next push goes on from there"


def test_neither_ignored_signals_nor_a_reader_that_is_gone_stop_a_push(fleet: Fleet) -> None:
    """`nohup` has SIGHUP ignored and a script's background SIGINT; `2>&1 | head` closes a pipe."""
    ignored = [signal.SIGHUP, signal.SIGINT]
    with fleet.pushing(5, ignored=ignored) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        until(process.stderr, "examine")
        for number in ignored:
            os.killpg(process.pid, number)
        process.stderr.close()
        printed = process.stdout.read()
    assert (process.returncode, printed.partition(",")[0]) == (0, "promoted")


def test_after_a_push_was_killed_the_next_one_says_what_each_board_runs(fleet: Fleet) -> None:
    with fleet.pushing(5) as process:
        assert process.stderr is not None
        until(process.stderr, "p1  confirm")
        process.kill()
    plan = fleet.folder / "no-time.yaml"
    plan.write_text("budgets:\n  fast: {latency_p95_us: 1}\n")
    refused = fleet.push(6, "--plan", str(plan))
    assert refused.status == 3
    runs = re.search(r"boards: (.*)", refused.stdout)
    assert runs is not None
    said = re.sub("-[0-9a-f]{8}", "", runs[1])
    assert said == "s1, s2, p1 and p2 run release 1.0.0+1"
    assert re.search(
        r"r\d of 1.0.0\+2-\w+ was not brought to an end; it is taken back first", " ".join(refused.stderr.split())
    )
    assert "earlier release" not in refused.stdout


def test_the_outcome_does_not_depend_on_the_report(fleet: Fleet, caplog: pytest.LogCaptureFixture) -> None:
    reports = fleet.folder / "workspace" / "reports"
    shutil.rmtree(reports)
    reports.touch()
    done = fleet.push(5)
    assert (done.status, done.stdout.partition(",")[0]) == (0, "promoted")
    assert "warning: the report is not written" in caplog.text
    again = fleet.push(5, "--json")
    outcome = json.loads(again.stdout)
    assert_outcome(outcome, "unchanged")
    assert (again.status, outcome["report"]) == (0, None)
    assert {(board["answer"], board["release"]) for board in outcome["boards"]} == {("runs", outcome["release"])}


def commands() -> Iterator[list[str]]:
    """Every command that there is, as words."""
    for name in app_module.commands():
        command = typer.main.get_command(app_module.app).get_command(None, name)
        children = getattr(command, "commands", None)
        yield from ([name, child] for child in children) if children else ([name],)


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_json_is_json_for_errors_of_every_command(words: list[str]) -> None:
    done = tinyops(*words, "--json", "--no-such-option")
    assert done.status == 2
    error = json.loads(done.stdout)["error"]
    assert "--" in error["message"]
    assert done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["push", "missing.tflite"],
        ["boards", "probe", "nobody"],
        ["releases", "show", "missing"],
        ["report", "show", "missing"],
        ["run", "missing.yaml"],
        ["verify", "missing.yaml"],
        ["register", "missing.yaml"],
        ["components", "show", "nothing"],
    ],
    ids=" ".join,
)
def test_an_error_in_json_has_message_and_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    done = tinyops(*words, "--json")
    assert done.status == 1
    answer = json.loads(done.stdout)
    assert answer["outcome"] == "error"
    assert answer["error"]["message"] in done.stderr
    assert answer["error"]["remedy"] in done.stderr


def test_output_that_cannot_be_printed_is_an_error() -> None:
    command = [TINYOPS, "report", "schema"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: standard output cannot be written: No space left on device")
