"""The rules of the level `restricted` find what they forbid, and the gateways keep them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.kubernetes.manifests import ALL, GATEWAYS, build, pod_templates
from tests.kubernetes.pod_security import containers, violations

GOOD: dict[str, Any] = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {"name": "c", "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}
    ],
}


def pod(**fields: Any) -> Callable[[dict[str, Any]], None]:
    return lambda spec: spec.update(fields)


def of_pod(**fields: Any) -> Callable[[dict[str, Any]], None]:
    return lambda spec: spec["securityContext"].update(fields)


def container(**fields: Any) -> Callable[[dict[str, Any]], None]:
    return lambda spec: spec["containers"][0].update(fields)


def of_container(**fields: Any) -> Callable[[dict[str, Any]], None]:
    return lambda spec: spec["containers"][0]["securityContext"].update(fields)


FORBIDDEN = {
    "host network": pod(hostNetwork=True),
    "host processes": pod(hostPID=True),
    "host IPC": pod(hostIPC=True),
    "privileged": of_container(privileged=True),
    "privileged helper": pod(initContainers=[{"name": "i", "securityContext": {"privileged": True}}]),
    "a container without a word on security": pod(initContainers=[{"name": "i"}]),
    "folder of the host": pod(volumes=[{"name": "v", "hostPath": {"path": "/dev"}}]),
    "network file system": pod(volumes=[{"name": "v", "nfs": {"server": "s", "path": "/"}}]),
    "port of the host": container(ports=[{"containerPort": 1, "hostPort": 1}]),
    "probe of another host": container(livenessProbe={"tcpSocket": {"port": 1, "host": "10.0.0.1"}}),
    "hook to another host": container(lifecycle={"preStop": {"httpGet": {"port": 1, "host": "10.0.0.1"}}}),
    "no AppArmor": of_container(appArmorProfile={"type": "Unconfined"}),
    "SELinux type": of_pod(seLinuxOptions={"type": "spc_t"}),
    "SELinux user": of_container(seLinuxOptions={"user": "root"}),
    "unmasked /proc": of_container(procMount="Unmasked"),
    "sysctl": of_pod(sysctls=[{"name": "kernel.msgmax", "value": "1"}]),
    "escalation": of_container(allowPrivilegeEscalation=True),
    "escalation by default": lambda spec: spec["containers"][0]["securityContext"].pop("allowPrivilegeEscalation"),
    "root allowed by the container": of_container(runAsNonRoot=False),
    "root allowed": lambda spec: spec["securityContext"].pop("runAsNonRoot"),
    "root": of_pod(runAsUser=0),
    "root in the container": of_container(runAsUser=0),
    "no seccomp": lambda spec: spec["securityContext"].pop("seccompProfile"),
    "seccomp off": of_container(seccompProfile={"type": "Unconfined"}),
    "capabilities kept": lambda spec: spec["containers"][0]["securityContext"].pop("capabilities"),
    "capability added": of_container(capabilities={"drop": ["ALL"], "add": ["NET_ADMIN"]}),
}


def test_a_pod_that_keeps_the_rules_passes() -> None:
    assert violations(GOOD) == []


@pytest.mark.parametrize("change", FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_what_the_level_restricted_forbids_is_found(change: Callable[[dict[str, Any]], None]) -> None:
    spec = copy.deepcopy(GOOD)
    change(spec)
    assert violations(spec)


@pytest.mark.parametrize("folder", ALL)
def test_every_pod_keeps_the_rules_and_ours_that_go_further(folder: str) -> None:
    for template in pod_templates(folder):
        spec = template["spec"]
        assert violations(spec) == []
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"].get("runAsUser", 0) > 0
        for each in containers(spec):
            assert each["securityContext"]["readOnlyRootFilesystem"] is True, each["name"]
            assert "add" not in each["securityContext"]["capabilities"], each["name"]


@pytest.mark.parametrize("folder", GATEWAYS.values())
def test_the_namespace_of_a_gateway_enforces_the_level(folder: str) -> None:
    (namespace,) = [manifest for manifest in build(folder) if manifest["kind"] == "Namespace"]
    for mode in ("enforce", "audit", "warn"):
        assert namespace["metadata"]["labels"][f"pod-security.kubernetes.io/{mode}"] == "restricted"
