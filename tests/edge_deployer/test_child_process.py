"""Children start alike wherever the user stands, and nothing is left of one that is ended."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_deployer.child_process import end_session, ended_by, fork, how_it_ended, module_command
from edge_deployer.inventory.bench import powered
from edge_deployer.inventory.inventory import load_inventory
from edge_deployer.release.image import sign_image
from edge_deployer.release.keys import SigningKey
from edge_deployer.tflm import TflmRunner
from tests.edge_deployer.tiny_models import identity_classifier


@pytest.fixture
def user_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with modules in it that have the names of the standard library's."""
    for name in ("random", "runpy", "struct", "tempfile"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the user's own module')\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_module_gets_its_arguments(user_folder: Path) -> None:
    (user_folder / "data.json").write_text("[1]")
    done = subprocess.run(
        [*module_command("json.tool"), "--compact", "data.json"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[1]"


def test_a_model_loads(user_folder: Path) -> None:  # noqa: ARG001
    TflmRunner(identity_classifier(), arena_bytes=4096).close()


def test_a_release_is_signed(user_folder: Path, signing_key: SigningKey) -> None:  # noqa: ARG001
    assert sign_image(b"model", version="1.0.0", manifest=b"{}", key=signing_key).payload == b"model"


async def test_virtual_boards_start(user_folder: Path, signing_key: SigningKey) -> None:  # noqa: ARG001
    async with powered(load_inventory(None), Path("boards"), public_pem=signing_key.public_pem) as urls:
        assert len(urls) == 5


PARENT = """
import subprocess
from edge_deployer.child_process import module_command
with subprocess.Popen(module_command("json.tool", owned=True)):
    print("started", flush=True)
"""


def test_one_that_is_owned_ends_with_its_parent_however_that_ends() -> None:
    """It waits for input that never comes, and has the stdout that is read here."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "started\n"
        parent.kill()
        assert parent.stdout.read() == ""


@pytest.mark.parametrize(
    ("life", "status", "words"), [(lambda: 42, 42, "exit status 42"), (lambda: 1 // 0, 1, "exit status 1")]
)
def test_a_fork_ends_with_its_life_and_never_comes_back(
    life: Callable[[], int], status: int, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    forked = fork(life)
    assert forked.wait() == status
    assert ended_by(status) == words
    assert ("ZeroDivisionError" in capfd.readouterr().err) is (status == 1)
    # Its number may be another's by now: no signal goes there, and the status stays.
    forked.kill()
    assert forked.wait() == status


def test_a_fork_can_be_killed() -> None:
    forked = fork(lambda: signal.pause() or 0)
    forked.kill()
    assert forked.wait() == -signal.SIGKILL
    assert how_it_ended(forked.wait()) == "on SIGKILL"


FAMILY = """
import signal, subprocess, sys
{ignored}
with subprocess.Popen(["tail", "-f", "/dev/null"]):
    print("started", flush=True)
    signal.pause()
"""


@pytest.mark.parametrize(
    ("ignored", "interrupt", "status"),
    [
        ("", False, -signal.SIGTERM),
        ("signal.signal(signal.SIGINT, signal.SIG_DFL)", True, -signal.SIGINT),
        ("signal.signal(signal.SIGTERM, signal.SIG_IGN)", False, -signal.SIGKILL),
        ("signal.signal(signal.SIGINT, signal.SIG_IGN)", True, -signal.SIGKILL),
    ],
)
def test_nothing_is_left_of_a_session_that_is_ended(ignored: str, interrupt: bool, status: int) -> None:
    """Its child, which waits for ever, has the stdout that is read here, too."""
    code = FAMILY.format(ignored=ignored)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        end_session(process, grace_s=0.2 if ignored.endswith("SIG_IGN)") else None, interrupt=interrupt)
        assert process.returncode == status
        assert process.stdout.read() == ""
