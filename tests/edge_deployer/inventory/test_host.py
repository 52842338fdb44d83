"""Which machine this is: the kernel's word, not the machine's name."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_deployer.inventory import host


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    host.boot_id.cache_clear()
    yield
    host.boot_id.cache_clear()


def test_every_process_of_this_boot_says_the_same() -> None:
    command = [sys.executable, "-c", "from edge_deployer.inventory.host import boot_id; print(boot_id())"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert told == host.boot_id() == Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def test_where_the_kernel_gives_no_name_the_network_card_stands_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "_BOOT_ID", tmp_path / "missing")
    told = host.boot_id()
    assert len(told) == 12
    assert int(told, 16) >= 0


def test_the_clock_runs_with_the_kernels() -> None:
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before <= host.seconds_since_boot() <= time.clock_gettime(time.CLOCK_BOOTTIME)
