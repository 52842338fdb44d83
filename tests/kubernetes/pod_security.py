"""The level `restricted` of the Pod Security Standards, as rules over a pod's spec.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/ (Kubernetes 1.37), section by section. What
only Windows knows (`hostProcess`) is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

Spec = dict[str, Any]

# Baseline, "Sysctls".
_SAFE_SYSCTLS: Final = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
}
# Restricted, "Volume Types".
_VOLUME_TYPES: Final = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
# Baseline, "SELinux".
_SELINUX_TYPES: Final = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
_SECCOMP_TYPES: Final = {"RuntimeDefault", "Localhost"}
_APPARMOR_TYPES: Final = {"RuntimeDefault", "Localhost"}


def violations(spec: Spec) -> list[str]:
    """What in a pod's spec the level `restricted` forbids; empty if nothing."""
    return [broken for rule in RULES for broken in rule(spec)]


def containers(spec: Spec) -> list[Spec]:
    """All containers of a pod."""
    return [each for kind in ("initContainers", "containers", "ephemeralContainers") for each in spec.get(kind, [])]


def host_namespaces(spec: Spec) -> Iterator[str]:
    """Baseline, "Host Namespaces"."""
    return (name for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name))


def privileged_containers(spec: Spec) -> Iterator[str]:
    """Baseline, "Privileged Containers"."""
    return (f"{name}: privileged" for name, context in _contexts(spec) if context.get("privileged"))


def volume_types(spec: Spec) -> Iterator[str]:
    """Baseline, "HostPath Volumes", and restricted, "Volume Types"."""
    for volume in spec.get("volumes", []):
        for kind in volume.keys() - {"name"} - _VOLUME_TYPES:
            yield f"volume {volume['name']}: {kind}"


def host_ports(spec: Spec) -> Iterator[str]:
    """Baseline, "Host Ports"."""
    for container in containers(spec):
        for port in container.get("ports", []):
            if port.get("hostPort"):
                yield f"{container['name']}: hostPort {port['hostPort']}"


def probe_hosts(spec: Spec) -> Iterator[str]:
    """Baseline, "Host Probes / Lifecycle Hooks"."""
    for container in containers(spec):
        hooks = [container.get(name, {}) for name in ("livenessProbe", "readinessProbe", "startupProbe")]
        hooks += list(container.get("lifecycle", {}).values())
        for hook in hooks:
            for kind in ("tcpSocket", "httpGet"):
                if hook.get(kind, {}).get("host"):
                    yield f"{container['name']}: {kind} of another host"


def apparmor(spec: Spec) -> Iterator[str]:
    """Baseline, "AppArmor"."""
    for name, context in _contexts(spec, with_pod=True):
        profile = context.get("appArmorProfile", {}).get("type", "RuntimeDefault")
        if profile not in _APPARMOR_TYPES:
            yield f"{name}: AppArmor {profile}"


def selinux(spec: Spec) -> Iterator[str]:
    """Baseline, "SELinux"."""
    for name, context in _contexts(spec, with_pod=True):
        options = context.get("seLinuxOptions", {})
        if options.get("type", "") not in _SELINUX_TYPES or options.get("user") or options.get("role"):
            yield f"{name}: SELinux {options}"


def proc_mount(spec: Spec) -> Iterator[str]:
    """Baseline, "/proc Mount Type"."""
    return (
        f"{name}: procMount" for name, context in _contexts(spec) if context.get("procMount", "Default") != "Default"
    )


def sysctls(spec: Spec) -> Iterator[str]:
    """Baseline, "Sysctls"."""
    for sysctl in spec.get("securityContext", {}).get("sysctls", []):
        if sysctl["name"] not in _SAFE_SYSCTLS:
            yield f"sysctl {sysctl['name']}"


def privilege_escalation(spec: Spec) -> Iterator[str]:
    """Restricted, "Privilege Escalation"."""
    for name, context in _contexts(spec):
        if context.get("allowPrivilegeEscalation") is not False:
            yield f"{name}: allowPrivilegeEscalation"


def running_as_non_root(spec: Spec) -> Iterator[str]:
    """Restricted, "Running as Non-root" and "Running as Non-root user"."""
    of_pod = spec.get("securityContext", {})
    for name, context in _contexts(spec):
        if context.get("runAsNonRoot", of_pod.get("runAsNonRoot")) is not True:
            yield f"{name}: runAsNonRoot"
    for name, context in _contexts(spec, with_pod=True):
        if context.get("runAsUser") == 0:
            yield f"{name}: runAsUser 0"


def seccomp(spec: Spec) -> Iterator[str]:
    """Restricted, "Seccomp"."""
    of_pod = spec.get("securityContext", {}).get("seccompProfile", {})
    for name, context in _contexts(spec):
        profile = context.get("seccompProfile", of_pod).get("type")
        if profile not in _SECCOMP_TYPES:
            yield f"{name}: seccomp {profile}"
    if of_pod.get("type", "RuntimeDefault") not in _SECCOMP_TYPES:
        yield f"pod: seccomp {of_pod['type']}"


def capabilities(spec: Spec) -> Iterator[str]:
    """Restricted, "Capabilities"."""
    for name, context in _contexts(spec):
        asked = context.get("capabilities", {})
        if "ALL" not in asked.get("drop", []):
            yield f"{name}: capabilities are not dropped"
        for added in set(asked.get("add", [])) - {"NET_BIND_SERVICE"}:
            yield f"{name}: capability {added}"


RULES: Final[tuple[Callable[[Spec], Iterator[str]], ...]] = (
    host_namespaces,
    privileged_containers,
    volume_types,
    host_ports,
    probe_hosts,
    apparmor,
    selinux,
    proc_mount,
    sysctls,
    privilege_escalation,
    running_as_non_root,
    seccomp,
    capabilities,
)


def _contexts(spec: Spec, *, with_pod: bool = False) -> Iterator[tuple[str, Spec]]:
    """Name and security context of each container, and of the pod."""
    if with_pod:
        yield "pod", spec.get("securityContext", {})
    for container in containers(spec):
        yield container["name"], container.get("securityContext", {})
