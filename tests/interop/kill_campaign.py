"""Kills pushes and holds what is said against the boards: ``python -m tests.interop.kill_campaign [--kills N]``.

Every command is a process, every board a virtual one, and smpmgr, which nobody here wrote, reads what each runs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.environments import ROOT, environment
from tests.interop.killed_fleet import KilledFleet


def main() -> None:
    """Kill, and print how often, and what came after; an assertion ends it where a sentence was not true."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    programs = environment("interop", ROOT / "requirements" / "interop.txt")
    with tempfile.TemporaryDirectory() as folder:
        fleet = KilledFleet.made(Path(folder), programs, given.seed)
        for number in range(1, given.kills + 1):
            fleet.kill_once()
            sys.stderr.write(f"{number} of {given.kills}: {fleet.kills[-1]}\n")
    after = ", ".join(f"{count} {what}" for what, count in sorted(Counter(fleet.kills).items()))
    sys.stdout.write(f"{given.kills} kills, seed {given.seed}; after them: {after}: all sentences true\n")


if __name__ == "__main__":
    main()
