"""A fleet of virtual boards whose commands are killed at random; what is said afterwards is held against the boards.

What a board runs is read with smpmgr, which nobody here wrote.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.edge_deployer.inventories import write_fast_inventory
from tests.edge_deployer.tiny_models import identity_classifier
from tests.edge_deployer.virtual_board.running_board import running_boards

STAGING: Final = ("s1",)
PRODUCTION: Final = ("p1", "p2", "p3")
NEXT: Final = ("same", "another", "refused", "resume", "abort", "rollback")
"""What may come after a kill."""

_COMMAND = "from edge_deployer.cli import main; main()"
_CLASSES = range(4, 12)


@dataclass
class Told:
    """What a command said at its end."""

    status: int
    answer: dict[str, Any]
    stderr: str


@dataclass
class KilledFleet:
    """Boards in one workspace, and what has been done to them.

    Attributes:
        folder: of inventory, workspace and models.
        interop: folder of smpmgr's programs.
        chance: decides what is done, and when it is killed.
        seconds: what a push takes.
        kills: what was done after each kill.
    """

    folder: Path
    interop: Path
    chance: random.Random
    seconds: float = 0.0
    classes: int = 4
    kills: list[str] = field(default_factory=list)

    @classmethod
    def made(cls, folder: Path, interop: Path, seed: int) -> KilledFleet:
        """Boards that all run a first release."""
        write_fast_inventory(folder, STAGING, PRODUCTION)
        (folder / "no-time.yaml").write_text("budgets:\n  fast: {latency_p95_us: 1}\n")
        fleet = cls(folder, interop, random.Random(seed))
        began = time.monotonic()
        assert fleet.push(4).answer["outcome"] == "promoted"
        fleet.seconds = time.monotonic() - began
        return fleet

    def kill_once(self) -> None:
        """Kill a push somewhere, give another command, and hold what it says against the boards."""
        self.classes = self.chance.choice([classes for classes in _CLASSES if classes != self.classes])
        with self._started("push", self._model(self.classes), "--replace", *self._options) as process:
            time.sleep(self.chance.uniform(0.3, 1.1) * self.seconds)
            process.kill()
        after = self.chance.choice(NEXT)
        self.kills.append(after)
        self._go_on(after)
        self._hold_against_boards(after)

    def push(self, classes: int, *more: str) -> Told:
        """Push the model of so many classes."""
        return self._run("push", self._model(classes), "--replace", *more, *self._options)

    def _go_on(self, after: str) -> None:
        last = self._run("rollout", "status", "--workspace", str(self.folder / "workspace"))
        rollout, is_over = last.answer["rollout"], last.answer["state"] == "ended"
        if after == "same":
            told = self.push(self.classes)
            assert told.answer["outcome"] in ("promoted", "unchanged"), told
        elif after == "another":
            told = self.push(self.chance.choice([classes for classes in _CLASSES if classes != self.classes]))
            assert told.answer["outcome"] in ("promoted", "unchanged"), told
        elif after == "refused":
            told = self.push(13, "--plan", str(self.folder / "no-time.yaml"))
            assert (told.status, told.answer["outcome"]) == (3, "refused"), told
        elif after == "resume":
            told = self._run("rollout", "resume", rollout, *self._options)
            assert (told.status, "has ended" in told.stderr) == (1, True) if is_over else told.status == 0, told
        else:
            told = self._run("rollout", after, rollout, *self._options)
            expected = (1,) if is_over and after == "abort" else (3,)
            assert told.status in expected, told
        self._hold_sentence(told)

    def _hold_sentence(self, told: Told) -> None:
        """What the command printed of each board is what smpmgr reads from it."""
        said = {board["board"]: board["image"] for board in told.answer.get("boards", []) if board["answer"] == "runs"}
        runs = self._read()
        assert {name: runs[name] for name in said} == said, (told, runs)

    def _hold_against_boards(self, after: str) -> None:
        """No board is on trial or forgotten, each runs a release that is known, and the trail is whole."""
        runs = self._read()
        ids = {image.parent.name for image in (self.folder / "workspace" / "releases").glob("*/image.bin")}
        assert set(runs) == {*STAGING, *PRODUCTION}
        assert set(runs.values()) <= ids, (after, runs)
        assert len({runs[name] for name in PRODUCTION}) == 1, (after, runs)
        pools = self._run("pools", *self._options).answer
        assert pools["unfinished_rollout"] is None, (after, pools)
        assert {board["board"]: board["image"] for board in pools["boards"]} == runs, after
        audit = self._run("audit", "verify", "--workspace", str(self.folder / "workspace"))
        assert (audit.status, audit.answer["faults"]) == (0, []), audit

    def _read(self) -> dict[str, str]:
        """Hash of the image that each board runs for good, hex, as smpmgr reads it."""
        boards = [self.folder / "workspace" / "boards" / name for name in (*STAGING, *PRODUCTION)]
        profile, found = str(self.folder / "fast.yaml"), {}
        with running_boards(boards, boards[0] / "public.pem", profile=profile) as running:
            for board, folder in zip(running, boards, strict=True):
                printed = self._smpmgr("--port", board.url, "image", "state-read")
                states = [" ".join(part.split()) for part in printed.split("ImageState(")[1:]]
                (active,) = [state for state in states if "active=True" in state]
                assert "confirmed=True" in active, (folder.name, printed)
                shown = re.search(r"hash=HashBytes\('?([0-9A-Fa-f]{64})'?\)|hash=b?'?([0-9A-Fa-f]{64})", active)
                assert shown is not None, active
                found[folder.name] = (shown[1] or shown[2]).lower()
        return found

    def _smpmgr(self, *arguments: str) -> str:
        environment = {**os.environ, "COLUMNS": "400", "TERM": "dumb"}
        done = subprocess.run(
            [self.interop / "smpmgr", *arguments], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def _options(self) -> list[str]:
        return ["--inventory", str(self.folder / "boards.yaml"), "--workspace", str(self.folder / "workspace")]

    def _model(self, classes: int) -> str:
        path = self.folder / f"{classes}.tflite"
        path.write_bytes(identity_classifier(classes))
        return str(path)

    def _run(self, *arguments: str) -> Told:
        command = [sys.executable, "-c", _COMMAND, *arguments, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        return Told(done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr)

    @contextmanager
    def _started(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        quiet = subprocess.DEVNULL
        with subprocess.Popen([sys.executable, "-c", _COMMAND, *arguments], stdout=quiet, stderr=quiet) as process:
            yield process
