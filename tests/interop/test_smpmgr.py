"""The smpmgr command line, as it comes from PyPI, against a virtual board."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_deployer.wire.mcuboot import parse_image
from tests.edge_deployer import tiny_models
from tests.edge_deployer.virtual_board.running_board import RunningBoard, Signer

Smpmgr = Callable[..., str]


@pytest.fixture(scope="module")
def server(interop: Path) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "COLUMNS": "200", "TERM": "dumb"}
    command = [interop / "python", Path(__file__).with_name("smpmgr_server.py")]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        assert process.stdin
        process.stdin.close()


@pytest.fixture
def smpmgr(server: subprocess.Popen[str], board: RunningBoard, tmp_path: Path) -> Smpmgr:
    """Runs a command of smpmgr on the board; returns what it printed."""

    def run(*arguments: str | Path) -> str:
        assert server.stdin
        assert server.stdout
        printed = tmp_path / "printed"
        printed.unlink(missing_ok=True)
        words = ["--port", board.url, *map(str, arguments)]
        print(json.dumps([words, str(printed)]), file=server.stdin, flush=True)
        status = server.stdout.readline()
        assert status == "0\n", printed.read_text()
        return printed.read_text()

    return run


@pytest.fixture
def image_file(tmp_path: Path, identity_image: bytes) -> Path:
    path = tmp_path / "model.img"
    path.write_bytes(identity_image)
    return path


def states(printed: str) -> list[str]:
    """The description of each slot in what `image state-read` printed."""
    return [" ".join(part.split()) for part in printed.split("ImageState(")[1:]]


def active(printed: str) -> str:
    """The description of the running image."""
    (running,) = (state for state in states(printed) if "active=True" in state)
    return running


def test_echo(smpmgr: Smpmgr) -> None:
    assert "hello there" in smpmgr("os", "echo", "hello there")


def put_on_trial(smpmgr: Smpmgr, image: Path) -> None:
    """As smpmgr does it step by step; its `upgrade` to slot 0 resets without a mark, as serial recovery needs it."""
    smpmgr("image", "upload", image)
    smpmgr("image", "state-write", parse_image(image.read_bytes()).hash.hex())
    smpmgr("os", "reset")


def test_an_image_runs_on_trial_until_it_is_confirmed(smpmgr: Smpmgr, image_file: Path, identity_image: bytes) -> None:
    put_on_trial(smpmgr, image_file)
    (on_trial,) = states(smpmgr("--timeout", "10", "image", "state-read"))
    assert parse_image(identity_image).hash.hex().upper() in on_trial
    assert "active=True" in on_trial
    assert "confirmed=False" in on_trial
    smpmgr("image", "state-write", "--confirm")
    smpmgr("os", "reset")
    (kept,) = states(smpmgr("--timeout", "10", "image", "state-read"))
    assert "active=True" in kept
    assert "confirmed=True" in kept


def test_an_unconfirmed_image_is_gone_after_the_next_reset(
    smpmgr: Smpmgr, image_file: Path, signer: Signer, tmp_path: Path
) -> None:
    smpmgr("upgrade", "--confirm", image_file)
    (first,) = states(smpmgr("--timeout", "10", "image", "state-read"))
    assert "confirmed=True" in first
    second = tmp_path / "second.img"
    second.write_bytes(signer.sign(tiny_models.rotating_classifier(), "2.0.0"))
    put_on_trial(smpmgr, second)
    assert "2.0.0" in active(smpmgr("--timeout", "10", "image", "state-read"))
    smpmgr("os", "reset")
    assert "1.0.0" in active(smpmgr("--timeout", "10", "image", "state-read"))


def test_upload_and_erase(smpmgr: Smpmgr, image_file: Path) -> None:
    smpmgr("image", "upload", image_file)
    assert len(states(smpmgr("image", "state-read"))) == 1
    smpmgr("image", "erase", "1")
    assert states(smpmgr("image", "state-read")) == []
