"""Run virtual boards: ``python -m edge_deployer.virtual_board --board DIRECTORY PROFILE PUBLIC_KEY [--board ...]``.

Prints ``ready ADDRESS DIRECTORY`` for each board once it answers, the address being its pty or its UDP port's URL, and
``failed WORDS`` for one that does not boot. All end on SIGTERM and when stdin ends, so that they cannot outlive their
owner. One process keeps all lines; each firmware is a process forked from it, TFLM's child one forked from that: what
they share is imported once.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import logging
import os
import sys
from pathlib import Path
from typing import Any

# Before numpy is imported, which would start OpenBLAS's threads: they cost a sixth of this process's start, and a
# process that has threads cannot be forked safely.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

from edge_deployer.errors import TinyopsError
from edge_deployer.profile import BoardProfile, load_profile
from edge_deployer.public_key import read_public_keys
from edge_deployer.tflm import require_tflm
from edge_deployer.tflm.start import preload
from edge_deployer.virtual_board.faults import HEALTHY, load_fault_plan
from edge_deployer.virtual_board.line_process import LineProcess
from edge_deployer.virtual_board.settings import BoardSettings
from edge_deployer.wire.framing import FRAMINGS, FramingName

_WRONG_USAGE = 2
_BOARD_WORDS = 3
_BOARD_REMEDY = "give DIRECTORY PROFILE PUBLIC_KEY, then realtime, framing=NAME, faults=FILE or udp=PORT where wanted"
_PORTS = range(1 << 16)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m edge_deployer.virtual_board", description=__doc__)
    parser.add_argument(
        "--board",
        nargs="+",
        action="append",
        required=True,
        metavar="WORD",
        help="DIRECTORY PROFILE PUBLIC_KEY [realtime] [framing=NAME] [faults=FILE] [udp=PORT]: where the link to the "
        "pty, the control socket, the flash and the log are; a shipped board profile's name or a .yaml file; the file "
        "with the ed25519 keys, one of which must have signed an image; what holds for this board alone. With udp it "
        "answers at that port of 127.0.0.1 (0: any that is free) instead of a pty",
    )
    parser.add_argument("--line-rate", type=int, help="bits per second; 0: no limit; default: the profile's")
    parser.add_argument("--framing", choices=sorted(FRAMINGS), help="default: the profile's")
    parser.add_argument("--realtime", action="store_true", help="inference and flash take the time the profile states")
    parser.add_argument("--faults", type=Path, metavar="FILE", help="a fault plan for all boards without their own")
    return parser.parse_args()


def _settings(arguments: argparse.Namespace) -> list[BoardSettings]:
    plan = load_fault_plan(arguments.faults) if arguments.faults else HEALTHY
    common = {"realtime": arguments.realtime, "faults": plan}
    return [_board(words, arguments, common) for words in arguments.board]


def _board(words: list[str], arguments: argparse.Namespace, common: dict[str, Any]) -> BoardSettings:
    if len(words) < _BOARD_WORDS:
        raise TinyopsError(f"--board {' '.join(words)}: too few words", remedy=_BOARD_REMEDY)
    directory, profile, public_key, *options = words
    own = dict(_option(option) for option in options)
    on_line = _profile(profile, arguments.line_rate, own.pop("framing", arguments.framing))
    keys = read_public_keys(Path(public_key))
    return BoardSettings(Path(directory).resolve(), on_line, keys, **{**common, **own})


def _option(option: str) -> tuple[str, Any]:
    name, _, value = option.partition("=")
    if option == "realtime":
        return name, True
    if name == "framing" and value in FRAMINGS:
        return name, value
    if name == "faults" and value:
        return name, load_fault_plan(Path(value))
    if name == "udp" and value.isdecimal() and int(value) in _PORTS:
        return name, int(value)
    raise TinyopsError(f"--board: {option!r} is not an option of a board", remedy=_BOARD_REMEDY)


def _profile(name: str, line_rate: int | None, framing: FramingName | None) -> BoardProfile:
    if line_rate is not None and line_rate < 0:
        raise TinyopsError(f"--line-rate {line_rate} is negative", remedy="give bits per second, or 0")
    given = {"line_rate": line_rate, "framing": framing}
    return load_profile(name).model_copy(update={key: value for key, value in given.items() if value is not None})


def main() -> int:
    """Run until told to end; the exit status."""
    try:
        require_tflm()
        settings = _settings(_arguments())
        preload()
        process = _line_process(settings)
    except TinyopsError as error:
        sys.stderr.write(f"{error}\n")
        return _WRONG_USAGE
    try:
        return process.run()
    finally:
        process.close()


def _line_process(settings: list[BoardSettings]) -> LineProcess:
    # What a log on a full disk says to stderr, which nobody reads, would stop the line in the end.
    logging.raiseExceptions = False
    # The firmware is forked from this process after each reset, and TFLM's child from the firmware: what is imported
    # here costs a reboot nothing, and what the collector leaves alone stays shared.
    importlib.import_module("tflite")
    gc.freeze()
    return LineProcess(settings)


if __name__ == "__main__":
    sys.exit(main())
