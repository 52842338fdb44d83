"""What libraries warn of is for programmers, and not on the screen of whoever calls a command."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.edge_deployer.cli.command import TINYOPS

pytestmark = pytest.mark.verify


def test_data_in_an_object_store_makes_no_library_speak(project: Callable[..., Path]) -> None:
    """Google's warn of this Python while they are imported. That nobody is at the address is all there is to say."""
    config = project({"data.source": "s3://bucket/data.npz"})
    store = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"} | store
    command = [TINYOPS, "run", config]
    done = subprocess.run(
        command, cwd=config.parent, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    said = [line.partition(": ")[0].strip() for line in done.stderr.splitlines()]
    assert said == ["project", "error", "remedy"], done.stderr
