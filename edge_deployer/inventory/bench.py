"""The bench: powers an inventory's virtual boards for as long as a command needs them.

A virtual board is a process of its own (`python -m edge_deployer.virtual_board`), so nothing of it is imported here.
Its flash lives in ``<folder>/<name>`` and outlives the command, as a real board's does.
"""

from __future__ import annotations

import asyncio
import fcntl
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

from edge_deployer.errors import TinyopsError
from edge_deployer.inventory.inventory import BoardEntry, Inventory

_START_SECONDS = 30.0
_STOP_SECONDS = 5.0


@asynccontextmanager
async def powered(inventory: Inventory, folder: Path, *, public_pem: bytes) -> AsyncIterator[dict[str, str]]:
    """Power up the virtual boards; yields the serial URL of every board of the inventory, by name.

    Args:
        inventory: real and virtual boards.
        folder: holds a folder a virtual board; one command at a time may use it.
        public_pem: the key that a board is provisioned with when it is powered for the first time.

    Raises:
        TinyopsError: another command holds these boards, or one of them does not start.
    """
    virtual = [board for board in inventory.boards if board.virtual]
    urls = {board.name: board.url for board in inventory.boards if board.url}
    async with AsyncExitStack() as stack:
        if virtual:
            stack.enter_context(_claimed(folder))
        processes = [
            await stack.enter_async_context(_power(board, folder / board.name, public_pem)) for board in virtual
        ]
        for board, process in zip(virtual, processes, strict=True):
            urls[board.name] = await _ready(board, folder / board.name, process)
        yield urls


@asynccontextmanager
async def _power(board: BoardEntry, folder: Path, public_pem: bytes) -> AsyncIterator[Process]:
    folder.mkdir(parents=True, exist_ok=True)
    key = folder / "public.pem"
    if not key.exists():
        key.write_bytes(public_pem)
    command = [sys.executable, "-m", "edge_deployer.virtual_board", "--directory", str(folder)]
    command += ["--profile", board.profile, "--public-key", str(key)]
    # The board ends when its standard input closes, so it cannot outlive this process, however that ends.
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    try:
        yield process
    finally:
        if process.stdin:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        except asyncio.TimeoutError:
            process.kill()
            await process.wait()


async def _ready(board: BoardEntry, folder: Path, process: Process) -> str:
    """Wait for the board's ``ready <tty>`` line and return the tty."""
    assert process.stdout
    assert process.stderr
    try:
        line = await asyncio.wait_for(process.stdout.readline(), _START_SECONDS)
    except asyncio.TimeoutError:
        raise TinyopsError(
            f"virtual board {board.name} did not start in {_START_SECONDS:.0f} s",
            remedy=f"read {folder / 'board.log'}",
        ) from None
    word, _, tty = line.decode().strip().partition(" ")
    if word != "ready":
        said = (await process.stderr.read()).decode().strip().splitlines()
        raise TinyopsError(
            f"virtual board {board.name} does not start: {said[-1] if said else 'it said nothing'}",
            remedy=f"read {folder / 'board.log'}",
        )
    return tty


@contextmanager
def _claimed(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TinyopsError(
                f"the virtual boards in {folder} are in use by another command",
                remedy="wait until it has ended, or give this one a --workspace of its own",
            ) from None
        yield
