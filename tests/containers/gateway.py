"""The device gateway as `podman kube play` runs the pod of `kubernetes/base`, in front of virtual boards."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import yaml

from tests.containers.engine import Engine
from tests.containers.images import GATEWAY, ROOT

KUBERNETES: Final = ROOT / "kubernetes"
POD: Final = "device-gateway"
ADDRESS: Final = "192.0.2.1"
"""Not of the loopback: ser2net opens no port in a network that has no address besides."""

SERIAL_GROUP: Final = 20
"""Group of serial ports, as in kubernetes/base/deployment.yaml."""

_DEADLINE_S = 30.0


@contextmanager
def running_gateway(engine: Engine, folder: Path, devices: Mapping[str, Path]) -> Iterator[str]:
    """Plays the pod of the staging gateway.

    Args:
        engine: podman.
        folder: for the manifest.
        devices: device of each board that ser2net's configuration names.

    Yields:
        The network in which the gateway has `ADDRESS`; nothing else is in it.
    """
    for device in devices.values():
        os.chown(device, -1, SERIAL_GROUP)
        device.chmod(0o660)
    manifest = folder / "gateway.yaml"
    manifest.write_text(yaml.safe_dump_all(_manifests(devices)))
    engine.run("kube", "play", "--network=none", "--start=false", manifest)
    try:
        network = _start_network(engine)
        engine.run("pod", "start", POD)
        _wait_until_it_listens(engine)
        yield network
    finally:
        engine.run("kube", "down", manifest)


def _start_network(engine: Engine) -> str:
    """Starts the container that holds the pod's network, and gives it the address; returns podman's name for it."""
    infra = engine.run("pod", "inspect", "--format={{.InfraContainerID}}", POD).strip()
    engine.run("start", infra)
    network = f"/proc/{engine.run('inspect', '--format={{.State.Pid}}', infra).strip()}/ns/net"
    subprocess.run(["nsenter", f"--net={network}", "ip", "address", "add", f"{ADDRESS}/32", "dev", "lo"], check=True)
    return f"ns:{network}"


def _manifests(devices: Mapping[str, Path]) -> list[dict[str, Any]]:
    template = yaml.safe_load((KUBERNETES / "base/deployment.yaml").read_text())["spec"]["template"]
    spec = template["spec"]
    # What only a cluster has: its nodes, its accounts, and the kubelet that probes.
    for field in ("nodeSelector", "tolerations", "serviceAccountName", "enableServiceLinks"):
        del spec[field]
    (container,) = spec["containers"]
    for field in ("readinessProbe", "livenessProbe", "ports"):
        del container[field]
    container |= {"image": GATEWAY, "imagePullPolicy": "Never"}
    # In place of the device plugin. Not as devices: a pty's can be opened below the machine's /dev/pts alone.
    for name, device in devices.items():
        container["volumeMounts"].append({"name": name, "mountPath": f"/dev/{name}"})
        spec["volumes"].append({"name": name, "hostPath": {"path": str(device)}})
    configuration = (KUBERNETES / "overlays/staging/ser2net.yaml").read_text()
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "gateway"},
            "data": {"ser2net.yaml": configuration},
        },
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": POD, **template["metadata"]}, "spec": spec},
    ]


def _wait_until_it_listens(engine: Engine) -> None:
    container = f"{POD}-gateway"
    # Port 4001.
    command = engine.command("exec", container, "grep", "-qs", ":0FA1 0*:0000 0A", "/proc/net/tcp", "/proc/net/tcp6")
    until = time.monotonic() + _DEADLINE_S
    while subprocess.run(command, env=engine.environment, capture_output=True, check=False).returncode:
        if time.monotonic() > until:
            raise RuntimeError(f"the gateway does not listen: {engine.run('logs', container)}")
        time.sleep(0.1)
