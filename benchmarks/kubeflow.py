"""What Kubeflow costs: compiling, a step's own imports, the entrypoint, and what a gateway installs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

from benchmarks.release_line import TINYOPS, seconds
from benchmarks.rows import Row
from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
from pipeline.kubeflow.replay import launcher
from pipeline.kubeflow.step import mounts

_REPEATS = 3
_GATEWAY = Path(__file__).resolve().parents[1] / "requirements" / "gateway.txt"

# All that the compiler needs of TFX and TensorFlow, and nothing of what it does with them.
_IMPORTS = "import pipeline.dag, tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner"

# What the entrypoint does besides: the import of its own modules, and its work around TFX's, told what a step was told.
_OVERHEAD = """
import sys, time
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor
import components.artifact_types
kubeflow_v2_run_executor.main = lambda options: None
began = time.perf_counter()
from pipeline.kubeflow.step import entrypoint
entrypoint.run(sys.argv[1:])
print(time.perf_counter() - began)
"""


def measure_kubeflow(folder: Path) -> list[Row]:
    """The default project, compiled and replayed beside a run."""
    folder.mkdir()
    compiled = folder / "pipeline.yaml"
    compiling = min(seconds([TINYOPS, "compile", "--demo", "-o", compiled]) for _ in range(_REPEATS))
    importing = min(seconds([sys.executable, "-W", "ignore", "-c", _IMPORTS]) for _ in range(_REPEATS))
    running = seconds([TINYOPS, "run", "--demo", "--workspace", folder / "run", "--json"])
    replayed = _replay(compiled, folder)
    steps = [step["seconds"] for step in replayed["steps"]]
    overhead = _entrypoint_seconds(PipelineFile.load(compiled), folder / "replay")
    allowed = running + 7 * len(steps)
    size = sum(map(_installed_bytes, _gateway_packages()))
    return [
        Row(
            "compile for Kubeflow",
            f"{compiling:.1f} s, {importing / compiling:.0%} of it the imports of TFX and TensorFlow",
            "8 s",
            "tinyops compile",
        ),
        Row(
            "replay of the compiled file",
            f"{sum(steps):.0f} s in {len(steps)} steps, {sum(steps) / allowed:.2f} of a run and 7 s per step",
            f"at most {allowed:.0f} s: a run ({running:.0f} s) and 7 s per step",
            "tinyops replay",
        ),
        Row("entrypoint, beside TFX and the component", f"{overhead:.2f} s a step", "0.5 s", "make bench"),
        Row("Python packages of a gateway", f"{size / 1e6:.0f} MB", "250 MB", "make bench"),
    ]


def _replay(compiled: Path, folder: Path) -> dict[str, list[dict[str, float]]]:
    command = [TINYOPS, "replay", compiled, "--demo", "--workspace", folder / "replay", "--json"]
    done = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def _entrypoint_seconds(file: PipelineFile, workspace: Path) -> float:
    """Least of a few runs, told what the replay told PromotionGate."""
    step = workspace / "runs" / "run-1" / "PromotionGate"
    told = json.loads((step / "executor_input.json").read_text())
    # Where the replay keeps what the step wrote.
    told["outputs"]["outputFile"] = str(step / "output_metadata.json")
    arguments = launcher.filled_in(file.executors["PromotionGate_executor"]["container"]["args"], told, workspace)
    command = [sys.executable, "-W", "ignore", "-c", _OVERHEAD, *arguments]
    environment = {**os.environ, mounts.VARIABLE: str(workspace)}
    runs = (
        subprocess.run(command, check=True, capture_output=True, text=True, env=environment) for _ in range(_REPEATS)
    )
    return min(float(run.stdout.splitlines()[-1]) for run in runs)


def _gateway_packages() -> list[str]:
    return [line.partition("==")[0] for line in _GATEWAY.read_text().splitlines() if "==" in line]


def _installed_bytes(package: str) -> int:
    """Size of what a package installed here, without bytecode."""
    files = distribution(package).files or []
    return sum(size for file in files if file.suffix != ".pyc" and (size := file.size))
