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
from typing import Final

from edge_deployer.child_process import module_command
from edge_deployer.ending import within
from edge_deployer.errors import TinyopsError
from edge_deployer.files import make_folder, reading, write_file
from edge_deployer.inventory.inventory import LOCK_FILE, BoardEntry, Inventory
from edge_deployer.locks import exclusive
from edge_deployer.public_key import key_id, public_keys, read_public_keys, short_ids

PROVISIONED: Final = "public.pem"
"""In a virtual board's folder: the keys that its boot logic trusts."""

_START_SECONDS = 30.0
_STOP_SECONDS = 5.0


@asynccontextmanager
async def powered(inventory: Inventory, folder: Path, *, public_pem: bytes) -> AsyncIterator[dict[str, str]]:
    """Power up the virtual boards; yields the URL of every board of the inventory, by name.

    Args:
        inventory: real and virtual boards.
        folder: holds a folder a virtual board; one command at a time may use it.
        public_pem: PEM blocks of the keys that a board is given when it is powered for the first time. Where the
            inventory names keys they are these, and a board gets those that it has not.

    Raises:
        TinyopsError: another command holds these boards, one of them does not start, or trusts a key that the inventory
            has no more.
    """
    virtual = [board for board in inventory.boards if board.virtual]
    urls = {board.name: board.url for board in inventory.boards if board.url}
    if not virtual:
        yield urls
        return
    with exclusive(folder / LOCK_FILE, busy=f"the virtual boards in {folder} are in use by another command"):
        for board in virtual:
            _provision(folder / board.name, public_pem, follows=bool(inventory.public_key))
        async with _process(virtual, folder) as process:
            yield urls | await _ready(virtual, folder, process)


@asynccontextmanager
async def _process(boards: list[BoardEntry], folder: Path) -> AsyncIterator[Process]:
    command = module_command("edge_deployer.virtual_board")
    for board in boards:
        directory = folder / board.name
        command += ["--board", str(directory), board.profile, str(directory / PROVISIONED), *_options(board)]
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


def _provision(directory: Path, public_pem: bytes, *, follows: bool) -> None:
    """Give a board its keys when it is powered for the first time; and later, if it `follows` them, what comes to them.

    None is taken away here: an image that was signed with it would not boot any more.
    """
    file = directory / PROVISIONED
    # An empty file is what a crash left of the first time.
    with reading(f"public key {file}"):
        has_keys = file.exists() and file.stat().st_size > 0
    held = {key_id(key) for key in read_public_keys(file)} if has_keys else set()
    given = {key_id(key) for key in public_keys(public_pem)}
    if held and follows and not held <= given:
        raise TinyopsError(
            f"virtual board {directory.name} trusts key {short_ids(sorted(held - given))}, which public_key in the "
            "inventory does not name",
            remedy=f"name it there, too, until no board runs or goes back to what it signed; then remove {file}",
        )
    if not held or (follows and held != given):
        make_folder(directory)
        write_file(file, public_pem, remedy="make the folder writable")


def _options(board: BoardEntry) -> list[str]:
    given = {"framing": board.framing, "faults": board.faults}
    return ["realtime"] * board.realtime + [f"{name}={value}" for name, value in given.items() if value is not None]


async def _ready(boards: list[BoardEntry], folder: Path, process: Process) -> dict[str, str]:
    """Wait for each board's ``ready TTY DIRECTORY``; the stable links to their ttys, by name."""
    assert process.stdout
    assert process.stderr
    urls: dict[str, str] = {}
    while len(urls) < len(boards):
        try:
            line = await within(_START_SECONDS, process.stdout.readline())
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
