"""Run a virtual board: ``python -m edge_deployer.virtual_board --directory DIR --profile NAME --public-key PEM``.

Prints ``ready <tty>`` once it answers. Ends on SIGTERM and when its stdin ends, so that it cannot outlive its owner.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
from pathlib import Path

from edge_deployer.errors import TinyopsError
from edge_deployer.profile import load_profile
from edge_deployer.tflm import require_tflm
from edge_deployer.virtual_board.board import Board
from edge_deployer.virtual_board.settings import BoardSettings, load_public_key

_WRONG_USAGE = 2


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m edge_deployer.virtual_board", description=__doc__)
    parser.add_argument("--directory", type=Path, required=True, help="link to the pty, flash and log; survives")
    parser.add_argument("--profile", required=True, help="name of a shipped board profile, or path of a .yaml file")
    parser.add_argument("--public-key", type=Path, required=True, help="ed25519 key that images must be signed with")
    parser.add_argument("--line-rate", type=int, help="bits per second; 0: no limit; default: the profile's")
    return parser.parse_args()


def _settings(arguments: argparse.Namespace) -> BoardSettings:
    profile = load_profile(arguments.profile)
    line_rate = profile.line_rate if arguments.line_rate is None else arguments.line_rate
    key = load_public_key(arguments.public_key)
    return BoardSettings(arguments.directory.resolve(), profile, key, line_rate)


def _start(settings: BoardSettings) -> Board:
    require_tflm()
    # The firmware is forked from this process after each reset: what is imported here costs a reboot nothing.
    importlib.import_module("tflite")
    settings.flash_directory.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        filename=settings.log, level=logging.INFO, format="%(asctime)s.%(msecs)03d %(message)s", datefmt="%H:%M:%S"
    )
    return Board(settings)


def main() -> int:
    """Run until told to end; the exit status."""
    try:
        board = _start(_settings(_arguments()))
    except TinyopsError as error:
        sys.stderr.write(f"{error}\n")
        return _WRONG_USAGE
    sys.stdout.write(f"ready {board.tty}\n")
    sys.stdout.flush()
    try:
        board.run()
    except TinyopsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        board.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
