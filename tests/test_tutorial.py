"""The tutorial's commands, one after the other, as it has them."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.shared import SPEECH, needs_speech

TUTORIAL = Path(__file__).parents[1] / "docs" / "tutorial.md"
COMMANDS = re.findall(r"^\$ (.+)$", TUTORIAL.read_text(), re.MULTILINE)


def test_the_tutorial_goes_from_recordings_to_sources_for_firmware() -> None:
    assert [command.split()[:2] for command in COMMANDS] == [
        ["git", "clone"],
        ["tinyops", "init"],
        ["tinyops", "check"],
        ["tinyops", "run"],
        ["tinyops", "releases"],
        ["tinyops", "releases"],
    ]


@needs_speech
@pytest.mark.verify
@pytest.mark.timeout(900)
def test_every_command_of_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    said = {}
    for command in COMMANDS:
        program, *arguments = shlex.split(command)
        if program == "git":
            # The same recordings as those that it would fetch.
            (tmp_path / arguments[-1]).mkdir()
            (tmp_path / arguments[-1] / "recordings").symlink_to(SPEECH)
            continue
        tinyops = Path(sys.executable).with_name(program)
        done = subprocess.run([tinyops, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        said[command] = done.stdout + done.stderr
    (run,) = (text for command, text in said.items() if command.startswith("tinyops run"))
    assert run.startswith("promoted: 0.1.0+1-")
    assert (tmp_path / "spoken-c" / "model.c").is_file()
    assert (tmp_path / "spoken-c" / "golden.c").is_file()
