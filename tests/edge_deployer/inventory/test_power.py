"""Switching a board's power: what an inventory may say, what is run, and what a failure says."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import stat
import tty
from pathlib import Path

import pytest

from edge_deployer.errors import TinyopsError
from edge_deployer.inventory.inventory import BoardEntry, load_inventory
from edge_deployer.inventory.power import CommandSupply, PowerFailed, VirtualSupply, supply_of
from edge_deployer.inventory.power_commands import PowerCommands

PAGE = Path(__file__).parents[3] / "docs" / "release-engineer.md"
BOARDS = """
boards:
  - {{name: s1, pool: staging, url: /dev/ttyACM0, power: {power}}}
  - {{name: p1, pool: production, virtual: true}}
"""


@pytest.fixture
def relay(tmp_path: Path) -> Path:
    """A program that keeps a line for each time that it was run: its arguments, and where."""
    return program(tmp_path, 'printf "%s|" "$@" >> log; pwd >> log')


def program(folder: Path, body: str, name: str = "relay") -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def board(folder: Path, power: str) -> BoardEntry:
    (folder / "boards.yaml").write_text(BOARDS.format(power=power))
    return load_inventory(folder / "boards.yaml").boards[0]


def held_fifo(path: Path) -> int:
    """A pipe that a program can wait at, and that nobody has to wait at to write to it."""
    os.mkfifo(path)
    return os.open(path, os.O_RDWR)


def quick(power: PowerCommands | None, *, deadline_s: float = 30.0) -> CommandSupply:
    assert power is not None
    return CommandSupply("s1", power, off_s=0.0, deadline_s=deadline_s)


@pytest.mark.parametrize(
    ("power", "runs"),
    [
        ('{off: ./relay 1 "a b" $HOME, on: [./relay, "1", "on"]}', ["1|a b|$HOME|", "1|on|"]),
        ('{"off": ./relay off, "on": ./relay on}', ["off|", "on|"]),
        ("{cycle: ./relay ; rm log}", [";|rm|log|"]),
    ],
)
async def test_commands_are_run_without_a_shell_in_their_file_s_folder(
    tmp_path: Path, relay: Path, power: str, runs: list[str]
) -> None:
    del relay
    await quick(board(tmp_path, power).power).cycle()
    assert (tmp_path / "log").read_text().splitlines() == [f"{run}{tmp_path}" for run in runs]


@pytest.mark.parametrize(
    ("power", "message"),
    [
        ("{}", "`off` and `on` are wanted, or `cycle` alone"),
        ("{off: ./relay off}", "`off` and `on` are wanted, or `cycle` alone"),
        ("{off: ./relay, on: ./relay, cycle: ./relay}", "`off` and `on` are wanted, or `cycle` alone"),
        ("{cycle: ''}", "boards.0.power.cycle = '': Value error, a command is wanted"),
        ("{cycle: [], settle: 3}", "boards.0.power.settle: unknown key"),
        ("{cycle: './relay \"1'}", "No closing quotation"),
        ("{cycle: [./relay, off]}", "False is no word of a command; put it in quotes"),
        ("{cycle: [./relay, 010]}", "8 is no word of a command; put it in quotes"),
        ('{cycle: "relay \\0"}', "is no word of a command"),
        ("{cycle: relay-that-nobody-has -l 1}", "board s1: power.cycle = relay-that-nobody-has -l 1: there is no "),
        ("{off: ./relay, on: ./absent}", "board s1: power.on = ./absent: there is no program './absent' that may be"),
        ("{cycle: ./boards.yaml}", "there is no program './boards.yaml' that may be executed"),
        ("{cycle: ./}", "there is no program './' that may be executed"),
    ],
)
def test_a_mistake_is_named_when_the_inventory_is_loaded(tmp_path: Path, relay: Path, power: str, message: str) -> None:
    del relay
    with pytest.raises(TinyopsError) as raised:
        board(tmp_path, power)
    assert message in raised.value.message
    assert str(tmp_path / "boards.yaml") in raised.value.message
    assert raised.value.remedy


def test_the_page_s_inventory_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With programs of these names, of which none is run."""
    section = PAGE.read_text().partition("### Let tinyops switch a board's power")[2]
    (tmp_path / "boards.yaml").write_text(section.split("```yaml\n")[1].partition("```")[0])
    for name in ("uhubctl", "curl", "relay.py"):
        program(tmp_path, "", name)
    monkeypatch.setenv("PATH", str(tmp_path))
    boards = load_inventory(tmp_path / "boards.yaml").boards
    assert all(isinstance(supply_of(entry, tmp_path), CommandSupply) for entry in boards)
    power = boards[0].power
    assert power is not None
    assert power.off is not None
    assert power.off[1:] == ("-l", "1-1.4", "-p", "2", "-a", "off")


def test_the_page_s_relay_is_told_to_open_and_close(monkeypatch: pytest.MonkeyPatch) -> None:
    code = PAGE.read_text().partition("```python\n#!/usr/bin/env python3\n")[2].partition("```")[0]
    master, slave = pty.openpty()
    tty.setraw(slave)
    monkeypatch.setattr("sys.argv", ["relay.py", os.ttyname(slave), "4"])
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    exec(compile(code, "relay.py", "exec"), {"__name__": "__main__"})
    with os.fdopen(os.dup(master), "rb") as relay:
        assert relay.read(8) == bytes([0xA0, 4, 1, 0xA5, 0xA0, 4, 0, 0xA4])
    os.close(master)
    os.close(slave)


def test_a_program_is_found_on_path(tmp_path: Path, relay: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    power = board(tmp_path, "{cycle: relay now}").power
    assert power is not None
    assert power.cycle == (str(relay), "now")


def test_a_virtual_board_has_a_supply_of_its_own_and_a_board_without_power_has_none(tmp_path: Path) -> None:
    boards = {entry.name: entry for entry in load_inventory(None).boards}
    assert isinstance(supply_of(boards["staging-1"], tmp_path), VirtualSupply)
    assert supply_of(BoardEntry(name="s1", pool="staging", url="/dev/ttyACM0"), tmp_path) is None
    with pytest.raises(ValueError, match="a virtual board has a supply of its own"):
        BoardEntry.model_validate({"name": "s1", "pool": "staging", "virtual": True, "power": {"cycle": "true"}})


async def test_power_comes_back_whatever_became_of_off(tmp_path: Path) -> None:
    program(tmp_path, "echo hub >&2; echo port 3 is not there >&2; exit 4", "off")
    on = program(tmp_path, "touch is-on", "on")
    power = board(tmp_path, "{off: ./off 3, on: ./on}").power
    with pytest.raises(PowerFailed) as raised:
        await quick(power).cycle()
    said = f"s1 could not be power-cycled: {tmp_path}/off 3 ended with exit status 4: port 3 is not there"
    assert raised.value.message == said
    assert on.with_name("is-on").exists()


async def test_a_cycle_that_is_cancelled_ends_with_power_and_then_counts(tmp_path: Path) -> None:
    go = held_fifo(tmp_path / "go")
    program(tmp_path, "touch begun; read line < go; echo off >> order", "off")
    program(tmp_path, "echo on >> order", "on")
    cycle = asyncio.ensure_future(quick(board(tmp_path, "{off: ./off, on: ./on}").power).cycle())
    while not (tmp_path / "begun").exists():
        await asyncio.sleep(0)
    for _ in range(3):
        cycle.cancel()
        await asyncio.sleep(0)
    os.write(go, b"\n")
    with pytest.raises(asyncio.CancelledError):
        await cycle
    os.close(go)
    assert (tmp_path / "order").read_text().split() == ["off", "on"]


async def test_a_cancellation_counts_where_the_cycle_fails_too(tmp_path: Path) -> None:
    go = held_fifo(tmp_path / "go")
    program(tmp_path, "touch is-off; read line < go; exit 1", "cycles")
    cycle = asyncio.ensure_future(quick(board(tmp_path, "{cycle: ./cycles}").power).cycle())
    while not (tmp_path / "is-off").exists():
        await asyncio.sleep(0)
    cycle.cancel()
    os.write(go, b"\n")
    with pytest.raises(asyncio.CancelledError):
        await cycle
    os.close(go)


async def test_a_command_that_does_not_end_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    program(tmp_path, "sleep 1000 & echo $! > child; wait", "hangs")
    supply = quick(board(tmp_path, "{cycle: ./hangs}").power, deadline_s=0.5)
    with pytest.raises(PowerFailed, match=r"hangs did not end within 0\.5 s"):
        await supply.cycle()
    child = Path("/proc", (tmp_path / "child").read_text().strip(), "stat")
    while child.exists() and child.read_text().split()[2] != "Z":
        await asyncio.sleep(0)


async def test_what_a_command_leaves_behind_is_not_waited_for(tmp_path: Path) -> None:
    """As ssh leaves its master connection, which holds stderr."""
    program(tmp_path, "sleep 1000 & echo $! > child", "leaves")
    await quick(board(tmp_path, "{cycle: ./leaves}").power, deadline_s=20.0).cycle()
    os.kill(int((tmp_path / "child").read_text()), 9)


async def test_a_program_that_is_gone_or_none_is_told_of(tmp_path: Path, relay: Path) -> None:
    supply = quick(board(tmp_path, "{cycle: ./relay}").power)
    relay.write_text("no program")
    with pytest.raises(PowerFailed, match="relay cannot be run: Exec format error"):
        await supply.cycle()
    relay.unlink()
    with pytest.raises(PowerFailed, match="relay cannot be run: No such file or directory"):
        await supply.cycle()


async def test_a_signal_that_ended_a_command_is_named(tmp_path: Path) -> None:
    program(tmp_path, "kill -SEGV $$", "dies")
    with pytest.raises(PowerFailed, match="dies ended on SIGSEGV\n"):
        await quick(board(tmp_path, "{cycle: ./dies}").power).cycle()


async def test_a_virtual_board_that_does_not_run_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(PowerFailed, match=r"p1 could not be power-cycled: no virtual board runs in .*No such file"):
        await VirtualSupply("p1", tmp_path / "p1").cycle()


@pytest.mark.parametrize(
    ("answer", "words"), [({"error": "it does not boot"}, "it does not boot"), (None, "no virtual board runs in")]
)
async def test_what_a_virtual_board_answers_is_told(tmp_path: Path, answer: dict[str, str] | None, words: str) -> None:
    """In a folder whose path is longer than an address of a socket."""
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    asked = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(json.loads(await reader.readline()))
        if answer is not None:
            writer.write(json.dumps(answer).encode() + b"\n")
        writer.close()

    descriptor = os.open(folder, os.O_PATH)
    server = await asyncio.start_unix_server(serve, f"/proc/self/fd/{descriptor}/control")
    assert stat.S_ISSOCK((folder / "control").stat().st_mode)
    async with server:
        with pytest.raises(PowerFailed, match=words):
            await VirtualSupply("p1", folder).cycle()
    os.close(descriptor)
    assert asked == [{"command": "power", "state": "cycle"}]
