"""Steps of a compiled pipeline as containers, each with what its platform document asks for."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
from pipeline.kubeflow.replay.step_process import Start, StepRun
from pipeline.kubeflow.step.mounts import VARIABLE
from tests.containers.engine import Engine

USER: Final = 10001
"""The user of the images."""

PUSHER_LABEL: Final = ("tinyops.dev/role", "pusher")


def in_containers(engine: Engine, pipeline: PipelineFile, objects: Path, gateway: str) -> Start:
    """Starts steps as Kubernetes' level `restricted` would let them, without a network but for the pusher.

    Args:
        engine: podman.
        pipeline: the compiled pipeline.
        objects: a folder for each Secret, ConfigMap and PersistentVolumeClaim that the pipeline names.
        gateway: the network in which the gateway is, for the pods that its network policy lets through.
    """

    def start(step: StepRun) -> subprocess.Popen[bytes]:
        asked = _asked(pipeline, step.task)
        is_pusher = PUSHER_LABEL in asked.get("podMetadata", {}).get("labels", {}).items()
        for folder in (step.stores / "minio", step.folder):
            _give(folder)
        mounts = {step.stores / "minio": "/minio", step.folder: str(step.folder)}
        mounts |= {step.termination_log: "/dev/termination-log"}
        mounts |= {objects / name: place for name, place in _mounts(asked).items()}
        words = ["run", "--rm", f"--network={gateway if is_pusher else 'none'}", "--pull=never"]
        words += ["--cap-drop=all", "--security-opt=no-new-privileges"]
        words += [f"--volume={source}:{place}" for source, place in mounts.items()]
        # The file that the step writes has its path on this machine.
        words += [f"--volume={step.stores / 'minio'}:{step.stores / 'minio'}"]
        words += [f"--env={name}={value}" for name, value in {**step.environment, VARIABLE: "/"}.items()]
        return engine.start([*words, step.image, *step.command], step.log)

    return start


def _asked(pipeline: PipelineFile, task: str) -> dict[str, Any]:
    """KubernetesExecutorConfig of a task."""
    component = pipeline.spec["root"]["dag"]["tasks"][task]["componentRef"]["name"]
    executors = pipeline.platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    return dict(executors.get(pipeline.spec["components"][component]["executorLabel"], {}))


def _mounts(asked: Mapping[str, Any]) -> dict[str, str]:
    """Where each object that is mounted appears, by its name."""
    secrets = {mount["secretName"]: mount["mountPath"] for mount in asked.get("secretAsVolume", [])}
    config_maps = {mount["configMapName"]: mount["mountPath"] for mount in asked.get("configMapAsVolume", [])}
    claims = {mount["constant"]: mount["mountPath"] for mount in asked.get("pvcMount", [])}
    return secrets | config_maps | claims


def _give(folder: Path) -> None:
    """Lets the images' user write, as the launcher, which runs as that user, would."""
    for parent, folders, files in os.walk(folder):
        for name in (".", *folders, *files):
            os.chown(Path(parent, name), USER, USER)
