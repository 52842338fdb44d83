"""Who reaches a gateway, and whom a gateway reaches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kubernetes.manifests import GATEWAYS, Manifest, of_kind
from tests.kubernetes.network_policy import Address, Pod, lets_in, lets_out

PIPELINES = "tinyops-pipelines"
PUSHER = {"tinyops.dev/role": "pusher"}
SITE, SITE_PORT = Address("192.0.2.10"), 14001

_words = st.sampled_from(["pusher", "gateway", "trainer", "tinyops", "device-gateway", "staging", "production", ""])
_labels = st.dictionaries(
    st.sampled_from(["tinyops.dev/role", "tinyops.dev/pool", "app.kubernetes.io/name", "app.kubernetes.io/part-of"]),
    _words,
)
_namespaces = st.sampled_from([PIPELINES, "tinyops-staging", "tinyops-production", "tinyops-remote", "kubeflow"])
_anyone = st.one_of(
    st.builds(Pod, _namespaces, _labels, _labels),
    st.builds(Address, st.sampled_from(["10.0.0.1", "192.0.2.10", "192.0.2.11", "203.0.113.7"])),
)
_ports = st.one_of(st.integers(1, 65535), st.sampled_from([3999, 4000, 4001, 4002, 4099, 4100, 14001, 14099, 14100]))


def policies(folder: str) -> list[Manifest]:
    return of_kind("NetworkPolicy", folder)


def gateway(folder: str) -> Pod:
    (deployment,) = of_kind("Deployment", folder)
    return Pod(deployment["metadata"]["namespace"], deployment["spec"]["template"]["metadata"]["labels"], {})


@pytest.mark.parametrize("folder", GATEWAYS.values())
@given(source=_anyone, port=_ports)
def test_only_pushers_of_the_pipelines_namespace_reach_boards(folder: str, source: Pod | Address, port: int) -> None:
    is_pusher = isinstance(source, Pod) and source.namespace == PIPELINES and source.labels.items() >= PUSHER.items()
    allowed = lets_in(policies(folder), source, gateway(folder), port)
    assert allowed == (is_pusher and 4001 <= port <= 4099)


@pytest.mark.parametrize("folder", GATEWAYS.values())
@given(target=_anyone, port=_ports)
def test_a_gateway_reaches_nothing_but_the_site_it_stands_for(folder: str, target: Pod | Address, port: int) -> None:
    to_the_site = folder == GATEWAYS["remote"] and target == SITE and 14001 <= port <= 14099
    assert lets_out(policies(folder), gateway(folder), target, port) == to_the_site


@pytest.mark.parametrize("folder", GATEWAYS.values())
def test_another_pod_in_a_gateways_namespace_is_closed_too(folder: str) -> None:
    pusher = Pod(PIPELINES, PUSHER, {})
    other = Pod(gateway(folder).namespace, {"app.kubernetes.io/name": "something-else"}, {})
    assert not lets_in(policies(folder), pusher, other, 4001)
    assert not lets_out(policies(folder), other, SITE, SITE_PORT)
