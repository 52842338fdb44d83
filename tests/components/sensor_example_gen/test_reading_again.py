"""Recordings are read again when one of them, or how they are read, has changed; and not when a network has."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from components.sensor_example_gen.sources.audio import AudioSection
from tests.components.sensor_example_gen.sounds import encoded, tone

NETWORK = """
from pathlib import Path

def run_fn(fn_args):
    Path(fn_args.serving_model_dir).mkdir(parents=True)
    Path(fn_args.serving_model_dir, "model").write_text(fn_args.custom_config["module_sha256"])
"""


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """Paths of the files that this process opens. An audit hook stays for good, so that it is told when to stop."""
    paths: list[str] = []
    listening = [True]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if listening[0] and event == "open" and isinstance(arguments[0], str):
            paths.append(arguments[0])

    sys.addaudithook(hook)
    yield paths
    listening[0] = False


def write(path: Path, hertz: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(tone(0.1, 8_000, hertz), 8_000))


def test_only_what_has_changed_is_read_again(
    tmp_path: Path, run_nodes: Callable[..., Any], opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tfx.components.trainer.component import Trainer

    from components.sensor_example_gen.component import SensorExampleGen

    recordings = tmp_path / "recordings"
    for number in range(24):
        write(recordings / ("no", "yes")[number % 2] / f"{number}.wav", 300 + 50 * number)
    (tmp_path / "a_network.py").write_text(NETWORK)
    monkeypatch.syspath_prepend(str(tmp_path))

    def run(module: str, **settings: Any) -> tuple[bool, bool, int]:
        """Whether each component was answered by the cache, and how many recordings were opened."""
        section = AudioSection(source=recordings, classes=["no", "yes"], window=0.1, **settings)
        examples = SensorExampleGen(str(recordings), section)
        network = Trainer(
            examples=examples.outputs["examples"], run_fn="a_network.run_fn", custom_config={"module_sha256": module}
        )
        opened.clear()
        lineage = run_nodes("again", [examples, network])
        read = {path for path in opened if path.startswith(str(recordings)) and path.endswith(".wav")}
        return lineage.latest("SensorExampleGen").cached, lineage.latest("Trainer").cached, len(read)

    assert run("first") == (False, False, 24)
    assert run("first") == (True, True, 0)
    assert run("second") == (True, False, 0)
    assert run("second", features="micro_frontend") == (False, False, 24)
    # As long as before, and changed at the same second: what TFX's own fingerprint would take for the same data.
    changed = recordings / "yes" / "1.wav"
    before = changed.stat()
    write(changed, 2000)
    os.utime(changed, ns=(before.st_mtime_ns, before.st_mtime_ns + 1))
    assert changed.stat().st_size == before.st_size
    assert run("second") == (False, False, 24)
    changed.rename(recordings / "no" / "1.wav")
    assert run("second") == (False, False, 24)
    assert run("third") == (True, False, 0)
