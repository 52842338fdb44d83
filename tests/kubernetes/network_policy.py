"""Which traffic NetworkPolicies let through, as far as the policies of this project go.

Source: https://kubernetes.io/docs/concepts/services-networking/network-policies/. Peers by pod, namespace and address;
selectors by label; ports and ranges of them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Policy = dict[str, Any]
Labels = Mapping[str, str]

NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""The API server gives every namespace this label, and nobody can change it."""


@dataclass(frozen=True)
class Pod:
    """One end of a connection.

    Attributes:
        namespace: where it runs.
        labels: its own.
        namespace_labels: its namespace's, besides the name.
    """

    namespace: str
    labels: Labels
    namespace_labels: Labels


@dataclass(frozen=True)
class Address:
    """One end of a connection outside the cluster."""

    ip: str


def lets_in(policies: Iterable[Policy], source: Pod | Address, target: Pod, port: int) -> bool:
    """Whether a pod may be reached at a TCP port: by default yes, once a policy selects it only if one allows it."""
    return _allowed(policies, "Ingress", "from", at=target, peer=source, port=port)


def lets_out(policies: Iterable[Policy], source: Pod, target: Pod | Address, port: int) -> bool:
    """Whether a pod may reach something at a TCP port."""
    return _allowed(policies, "Egress", "to", at=source, peer=target, port=port)


def _allowed(policies: Iterable[Policy], way: str, peers: str, *, at: Pod, peer: Pod | Address, port: int) -> bool:
    that_select = [policy for policy in policies if _selects(policy, at) and way in policy["spec"]["policyTypes"]]
    if not that_select:
        return True
    return any(
        _at_port(rule, port) and (peers not in rule or any(_is_peer(entry, peer, policy) for entry in rule[peers]))
        for policy in that_select
        for rule in policy["spec"].get(way.lower(), [])
    )


def _selects(policy: Policy, pod: Pod) -> bool:
    return policy["metadata"]["namespace"] == pod.namespace and _match(policy["spec"]["podSelector"], pod.labels)


def _at_port(rule: dict[str, Any], port: int) -> bool:
    ports = rule.get("ports")
    return not ports or any(
        entry.get("protocol", "TCP") == "TCP" and entry["port"] <= port <= entry.get("endPort", entry["port"])
        for entry in ports
    )


def _is_peer(entry: dict[str, Any], peer: Pod | Address, policy: Policy) -> bool:
    if "ipBlock" in entry:
        block = ipaddress.ip_network(entry["ipBlock"]["cidr"])
        return isinstance(peer, Address) and ipaddress.ip_address(peer.ip) in block
    if isinstance(peer, Address) or not _match(entry.get("podSelector", {}), peer.labels):
        return False
    if "namespaceSelector" not in entry:
        return peer.namespace == policy["metadata"]["namespace"]
    return _match(entry["namespaceSelector"], {**peer.namespace_labels, NAMESPACE_NAME: peer.namespace})


def _match(selector: dict[str, Any], labels: Labels) -> bool:
    assert selector.keys() <= {"matchLabels"}, f"not understood: {selector}"
    return selector.get("matchLabels", {}).items() <= labels.items()
