"""Run virtual boards: ``python -m edge_deployer.virtual_board --board DIRECTORY PROFILE PUBLIC_KEY [--board ...]``.

Prints ``ready TTY DIRECTORY`` for each board once it answers. All end on SIGTERM and when stdin ends, so that they
cannot outlive their owner. Each board is a process of its own, forked from this one: what they share is
imported once.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import signal
import sys
from pathlib import Path

from edge_deployer.errors import TinyopsError
from edge_deployer.profile import load_profile
from edge_deployer.public_key import read_public_key
from edge_deployer.tflm import require_tflm
from edge_deployer.virtual_board.board import Board
from edge_deployer.virtual_board.settings import BoardSettings

_FAILED = 1
_WRONG_USAGE = 2


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m edge_deployer.virtual_board", description=__doc__)
    parser.add_argument(
        "--board",
        nargs=3,
        action="append",
        required=True,
        metavar=("DIRECTORY", "PROFILE", "PUBLIC_KEY"),
        help="where the link to the pty, the flash and the log are and survive; a shipped board profile's name or a "
        ".yaml file; the ed25519 key that images must be signed with",
    )
    parser.add_argument("--line-rate", type=int, help="bits per second; 0: no limit; default: the profile's")
    return parser.parse_args()


def _settings(arguments: argparse.Namespace) -> list[BoardSettings]:
    boards = []
    for directory, profile_name, public_key in arguments.board:
        profile = load_profile(profile_name)
        line_rate = profile.line_rate if arguments.line_rate is None else arguments.line_rate
        boards.append(BoardSettings(Path(directory).resolve(), profile, read_public_key(Path(public_key)), line_rate))
    return boards


def _run(settings: BoardSettings) -> int:
    """One board from power-on to power-off; the exit status of its process."""
    settings.flash_directory.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        filename=settings.log, level=logging.INFO, format="%(asctime)s.%(msecs)03d %(message)s", datefmt="%H:%M:%S"
    )
    try:
        board = Board(settings)
    except TinyopsError as error:
        _say(f"failed {error.message}")
        return _FAILED
    try:
        _say(f"ready {board.tty} {settings.directory}")
        board.run()
    except TinyopsError as error:
        sys.stderr.write(f"{error}\n")
        return _FAILED
    finally:
        board.close()
    return 0


def _say(line: str) -> None:
    # One write a line: several boards share this pipe.
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


def main() -> int:
    """Run until told to end; the exit status."""
    try:
        require_tflm()
        *others, last = _settings(_arguments())
    except TinyopsError as error:
        sys.stderr.write(f"{error}\n")
        return _WRONG_USAGE
    # The firmware is forked from these processes after each reset: what is imported here costs a reboot nothing.
    importlib.import_module("tflite")
    children = []
    for settings in others:
        child = os.fork()
        if child == 0:
            os._exit(_run(settings))
        children.append(child)
    status = _run(last)
    for child in children:
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)
    return status


if __name__ == "__main__":
    sys.exit(main())
