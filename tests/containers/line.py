"""The release line in containers: a compiled pipeline, then a push from the edge-deployer image."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
from pipeline.kubeflow.replay.run import ReplayResult, TaskEnded, TaskStarted, replay
from pipeline.kubeflow.replay.run_parameters import run_parameters
from tests.containers.engine import Engine
from tests.containers.gateway import ADDRESS, running_gateway
from tests.containers.images import EDGE_DEPLOYER
from tests.containers.steps import USER, in_containers
from tests.edge_deployer.virtual_board.running_board import Signer, running_board

# ser2net's first two ports in kubernetes/overlays/staging. A pty has no modem lines.
BOARDS: Final = (
    {"name": "bench-1", "pool": "staging", "url": f"rfc2217://{ADDRESS}:4001?ign_set_control"},
    {"name": "bench-2", "pool": "production", "url": f"rfc2217://{ADDRESS}:4002?ign_set_control"},
)
INVENTORY, KEY, CLAIM = "device-inventory", "release-key", "release-line"


@dataclass(frozen=True)
class Line:
    """Virtual boards behind a gateway, and all that a pipeline needs of a cluster.

    Attributes:
        engine: podman.
        gateway: the network in which the boards are reached.
        folder: for object stores, and a folder for each object that the pipeline names.
    """

    engine: Engine
    gateway: str
    folder: Path

    def run_pipeline(
        self, pipeline: PipelineFile, follow: Callable[[TaskStarted | TaskEnded], None], *parameters: str
    ) -> ReplayResult:
        """Runs a compiled pipeline, a container a step.

        Args:
            pipeline: the file.
            follow: told of each step.
            parameters: ``NAME=VALUE`` in place of defaults.
        """
        start = in_containers(self.engine, pipeline, self.folder, self.gateway)
        values = run_parameters(pipeline.spec, parameters)
        return replay(pipeline.spec, values, self.folder / "stores", start, follow)

    @property
    def model(self) -> Path:
        """The int8 model that the pipeline made."""
        (model,) = (self.folder / "stores").rglob("TFLiteConverter/*/int8_model/Format-Serving/tflite")
        return model

    def push(self, model: Path, version: str) -> str:
        """`tinyops push` from the edge-deployer image; returns the outcome.

        Raises:
            subprocess.CalledProcessError: it did not end as promoted or unchanged.
        """
        objects = {INVENTORY: "/etc/tinyops/inventory", KEY: "/etc/tinyops/key", CLAIM: "/var/lib/tinyops"}
        volumes = [f"--volume={self.folder / name}:{place}" for name, place in objects.items()]
        volumes.append(f"--volume={model}:/model.tflite")
        words = ["push", "/model.tflite", "--json", "--release-version", version]
        words += ["--inventory=/etc/tinyops/inventory/boards.yaml", "--signing-key=/etc/tinyops/key/signing-key.pem"]
        words += ["--workspace=/var/lib/tinyops"]
        said = self.engine.run("run", "--rm", f"--network={self.gateway}", *volumes, EDGE_DEPLOYER, *words)
        return str(json.loads(said)["outcome"])


@contextmanager
def running_line(engine: Engine, folder: Path) -> Iterator[Line]:
    """Powers the boards and plays the gateway's pod."""
    signer = Signer.generate(folder)
    _write_objects(folder, signer)
    with ExitStack() as stack:
        devices = {}
        for board in BOARDS:
            running = stack.enter_context(running_board(folder / board["name"], signer.public_key))
            devices[board["name"]] = Path(running.url).resolve()
        yield Line(engine, stack.enter_context(running_gateway(engine, folder, devices)), folder)


def _write_objects(folder: Path, signer: Signer) -> None:
    """A ConfigMap, a Secret and a volume, as kubernetes/README.md says to make them."""
    for name in (INVENTORY, KEY, CLAIM):
        (folder / name).mkdir()
    (folder / INVENTORY / "boards.yaml").write_text(yaml.safe_dump({"boards": list(BOARDS)}))
    shutil.copy(signer.private_key, folder / KEY / "signing-key.pem")
    (folder / KEY / "signing-key.pem").chmod(0o644)
    shutil.chown(folder / CLAIM, USER, USER)
