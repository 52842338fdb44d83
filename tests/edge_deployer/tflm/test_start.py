"""The two ways to start TFLM's child: alike to talk to, and the forked one holds nothing of its parent's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.edge_deployer import tiny_models
from tests.processes import wait_for_the_end_of

# What these programs have in common. They are processes of their own, because pytest's has threads.
PREAMBLE = """
import json, os, signal, socket, sys, threading, time
from pathlib import Path
import numpy as np
from edge_deployer.tflm import InferenceCrashed, ModelRefused, TflmRunner
from edge_deployer.tflm.start import forked, preload, spawned

def start(name, how, arena_bytes=4096):
    return TflmRunner((Path(sys.argv[1]) / name).read_bytes(), arena_bytes=arena_bytes, start=how)

def child(runner):
    return Path("/proc") / str(runner._child._process.pid)

def is_copy(runner):
    return (child(runner) / "cmdline").read_bytes() == Path("/proc/self/cmdline").read_bytes()

def tell(**facts):
    print(json.dumps(facts), flush=True)
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for build in (tiny_models.identity_classifier, tiny_models.crashes_on_load, tiny_models.crashes_on_far_offset):
        (folder / build.__name__).write_bytes(build())
    return folder


def command(models: Path, program: str) -> list[str]:
    return [sys.executable, "-c", PREAMBLE + program, str(models)]


def facts_of(models: Path, program: str) -> dict[str, Any]:
    """What a program tells. Nothing but that may reach its stdout and stderr, whatever its children write."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command(models, program), env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def test_a_forked_child_is_a_copy_of_its_parent_and_answers_as_a_spawned_one(models: Path) -> None:
    facts = facts_of(
        models,
        """
inputs = np.random.default_rng(0).integers(-128, 128, (50, 4)).astype(np.int8)
preload()
with start("identity_classifier", forked) as copy, start("identity_classifier", spawned) as other:
    tell(
        copies=[is_copy(copy), is_copy(other)],
        same=[copy.input == other.input, copy.arena_used == other.arena_used],
        outputs=[np.array_equal(runner.run(inputs), inputs) for runner in (copy, other)],
    )
""",
    )
    assert facts == {"copies": [True, False], "same": [True, True], "outputs": [True, True]}


def test_a_process_that_has_threads_is_not_forked(models: Path) -> None:
    facts = facts_of(
        models,
        """
done = threading.Event()
threading.Thread(target=done.wait).start()
with start("identity_classifier", forked) as runner:
    tell(copy=is_copy(runner))
done.set()
""",
    )
    assert facts == {"copy": False}


def test_a_forked_child_holds_no_descriptor_and_no_handler_of_its_parents(models: Path) -> None:
    facts = facts_of(
        models,
        """
ends = socket.socketpair()
ends[0].setblocking(False)
signal.set_wakeup_fd(ends[0].fileno())
signal.signal(signal.SIGTERM, lambda *_: None)
with start("identity_classifier", forked) as runner:
    of_child = [os.readlink(entry) for entry in (child(runner) / "fd").iterdir()]
    of_parent = [os.readlink(entry) for entry in Path("/proc/self/fd").glob("*") if entry.exists()]
    status = dict(line.split(":", 1) for line in (child(runner) / "status").read_text().splitlines())
    (core,) = [line for line in (child(runner) / "limits").read_text().splitlines() if "core" in line]
    tell(
        descriptors=len(of_child),
        sockets=[sum("socket" in link for link in links) for links in (of_child, of_parent)],
        caught=int(status["SigCgt"], 16),
        ignores_ctrl_c=bool(int(status["SigIgn"], 16) & 1 << signal.SIGINT - 1),
        core=core.split()[4],
    )
""",
    )
    # Requests, replies, and twice the file of what TFLM writes.
    expected = {"descriptors": 4, "sockets": [0, 2], "caught": 0, "ignores_ctrl_c": True, "core": "0"}
    assert facts == expected


def test_a_crash_of_a_forked_child_is_told_apart_and_leaves_the_parent_alone(models: Path) -> None:
    facts = facts_of(
        models,
        """
preload()
def refusal(name, arena_bytes):
    try:
        start(name, forked, arena_bytes).close()
    except ModelRefused as error:
        return [error.reason.name, error.message]

def crash(number):
    with start("crashes_on_far_offset", forked) as runner:
        try:
            if number:
                runner.send_signal(number)
            runner.run(np.array([[2**30]], np.int32))
        except InferenceCrashed as error:
            return error.message

tell(
    load=refusal("crashes_on_load", 4096),
    arenas=[refusal("identity_classifier", arena_bytes)[0] for arena_bytes in (1, 50, 300, 700)],
    run=crash(None),
    abort=crash(signal.SIGABRT),
)
""",
    )
    assert facts["load"][0] == "CRASHED"
    assert "SIGSEGV" in facts["load"][1]
    assert set(facts["arenas"]) <= {"ARENA_TOO_SMALL", "CRASHED"}
    assert "SIGSEGV" in facts["run"]
    assert "SIGABRT" in facts["abort"]


def test_what_a_forked_child_cannot_import_is_not_the_models_fault(models: Path) -> None:
    facts = facts_of(
        models,
        """
from edge_deployer.errors import TinyopsError
sys.modules["resource"] = None
try:
    start("identity_classifier", forked)
except TinyopsError as error:
    tell(refused=isinstance(error, ModelRefused), message=error.message)
""",
    )
    assert facts["refused"] is False
    assert "does not start on this machine (exit status 1): ModuleNotFoundError: " in facts["message"]


def test_a_forked_child_ends_with_its_parent_even_where_it_reads_no_more(models: Path) -> None:
    program = """
with start("identity_classifier", forked) as runner:
    runner.send_signal(signal.SIGSTOP)
    tell(copy=is_copy(runner), child=child(runner).name)
    signal.pause()
"""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(command(models, program), env=environment, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        facts = json.loads(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    assert facts["copy"]
    wait_for_the_end_of(facts["child"])
