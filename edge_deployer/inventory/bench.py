"""The bench: powers an inventory's virtual boards for as long as a command needs them.

Virtual boards are processes of their own (`python -m edge_deployer.virtual_board`): nothing of them is imported here. A
board's flash lives in ``<folder>/<name>`` and outlives the command, as a real board's does.
"""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from edge_deployer.child_process import module_command
from edge_deployer.errors import TinyopsError
from edge_deployer.files import make_folder, reading, write_file
from edge_deployer.inventory.inventory import LOCK_FILE, BoardEntry, Inventory
from edge_deployer.locks import exclusive

_START_SECONDS = 30.0
_STOP_SECONDS = 5.0


@asynccontextmanager
async def powered(inventory: Inventory, folder: Path, *, public_pem: bytes) -> AsyncIterator[dict[str, str]]:
    """Power up the virtual boards; yields the URL of every board of the inventory, by name.

    Args:
        inventory: real and virtual boards.
        folder: holds a folder a virtual board; one command at a time may use it.
        public_pem: the key that a board is provisioned with when it is powered for the first time.

    Raises:
        TinyopsError: another command holds these boards, or one of them does not start.
    """
    virtual = [board for board in inventory.boards if board.virtual]
    urls = {board.name: board.url for board in inventory.boards if board.url}
    if not virtual:
        yield urls
        return
    with exclusive(folder / LOCK_FILE, busy=f"the virtual boards in {folder} are in use by another command"):
        async with _process(virtual, folder, public_pem) as process:
            yield urls | await _ready(virtual, folder, process)


@asynccontextmanager
async def _process(boards: list[BoardEntry], folder: Path, public_pem: bytes) -> AsyncIterator[Process]:
    command = module_command("edge_deployer.virtual_board")
    for board in boards:
        directory = folder / board.name
        make_folder(directory)
        key = directory / "public.pem"
        _provision(key, public_pem)
        command += ["--board", str(directory), board.profile, str(key), *_options(board)]
    # The boards end when their standard input closes, so they cannot outlive this process, however that ends. They have
    # a session of their own: a signal for all that a terminal runs must leave them to whoever then cleans up.
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=PIPE, start_new_session=True
    )
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


def _provision(key: Path, public_pem: bytes) -> None:
    """Give a board its key when it is powered for the first time."""
    # An empty file is what a crash left of the first time.
    with reading(f"public key {key}"):
        has_key = key.exists() and key.stat().st_size > 0
    if not has_key:
        write_file(key, public_pem, remedy="make the folder writable")


def _options(board: BoardEntry) -> list[str]:
    realtime = ["realtime"] if board.realtime else []
    return realtime + ([f"faults={board.faults}"] if board.faults else [])


async def _ready(boards: list[BoardEntry], folder: Path, process: Process) -> dict[str, str]:
    """Wait for each board's ``ready TTY DIRECTORY``; the stable links to their ttys, by name."""
    assert process.stdout
    assert process.stderr
    urls: dict[str, str] = {}
    while len(urls) < len(boards):
        try:
            line = await asyncio.wait_for(process.stdout.readline(), _START_SECONDS)
        except asyncio.TimeoutError:
            line = b"failed they do not answer"
        word, _, rest = line.decode().strip().partition(" ")
        if word != "ready":
            said = rest or (await process.stderr.read()).decode().strip().partition("\n")[0]
            remedy = f"mend that; the board.log files below {folder} may say more"
            raise TinyopsError(f"the virtual boards do not start: {said}", remedy=remedy)
        directory = Path(rest.partition(" ")[2])
        urls[directory.name] = str(directory / "line")
    return urls
