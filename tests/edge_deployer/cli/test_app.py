"""The command line as a user meets it: help, wrong input, and installs without TensorFlow."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from tests.edge_deployer.cli.command import TINYOPS, tinyops, tinyops_process
from tests.edge_deployer.release.test_labelled_data import write_torn
from tests.edge_deployer.test_files import BOMB
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
    heavy = {"tensorflow", "tfx", "apache_beam", "numpy", "pydantic", "smpclient", "matplotlib", "kfp"}
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
        (["model.tflite", "--inventory", "folder"], "folder cannot be read: Is a directory"),
        (["model.tflite", "--inventory", "latin-1.yaml"], "latin-1.yaml is not YAML"),
        (["model.tflite", "--inventory", "boards.yaml"], "broken.yaml is not YAML"),
        (["model.tflite", "--inventory", "keyless.yaml"], "nowhere.pem does not exist"),
        (["model.tflite", "--signing-key", "folder"], "folder cannot be read: Is a directory"),
        (["model.tflite", "--workspace", "model.tflite"], "Not a directory"),
        (["model.tflite", "--signing-key", "nowhere.pem"], "nowhere.pem does not exist"),
        (["model.tflite", "--signing-key", "empty.npz"], "empty.npz is empty"),
        (["model.tflite", "--data", "folder"], "folder cannot be read as an .npz file: Is a directory"),
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
    assert (outcome["outcome"], outcome["gate"]) == ("refused", "validation")
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
    assert {"register", "replay", "report"} == set(tinyops_process(cwd=tmp_path).stdout.split())
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
    assert json.loads(done.stdout)["outcome"] == "promoted"
    find_tfx = "import importlib.util as u; print([u.find_spec(n) for n in ('tfx', 'tensorflow')])"
    python = installed["sim"].with_name("python")
    found = subprocess.run([python, "-c", find_tfx], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[None, None]"


def test_ctrl_c_takes_boards_back_at_once_and_the_next_push_goes_on(tmp_path: Path) -> None:
    (tmp_path / "first.tflite").write_bytes(identity_classifier(4))
    (tmp_path / "second.tflite").write_bytes(identity_classifier(5))
    assert tinyops_process("push", "first.tflite", cwd=tmp_path).returncode == 0
    command = [str(TINYOPS), "push", "second.tflite"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if "examine" in line:
                process.send_signal(signal.SIGINT)
                said.append(process.stderr.read())
    assert process.returncode == 130
    assert "reverted" in said[-1]
    assert "stopped; what was on trial was taken back" in said[-1]
    assert "Traceback" not in said[-1]
    again = tinyops_process("push", "first.tflite", "--json", cwd=tmp_path)
    assert json.loads(again.stdout)["outcome"] == "unchanged"
