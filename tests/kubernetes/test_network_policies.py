"""Who reaches a gateway, and whom a gateway reaches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kubernetes.manifests import EGRESS, GATEWAYS, Manifest, of_kind
from tests.kubernetes.network_policy import Address, Pod, lets_in, lets_out

PIPELINES = "tinyops-pipelines"
PUSHER = {"tinyops.dev/role": "pusher"}
SITE, SITE_PORT = Address("192.0.2.10"), 14001
STEP = {"pipelines.kubeflow.org/v2_component": "true"}
API_SERVER, INTERNET = Address("192.0.2.1"), Address("203.0.113.7")

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


@pytest.mark.parametrize("labels", [STEP, STEP | PUSHER])
@given(target=_anyone, port=_ports)
def test_a_step_reaches_kubeflow_and_names_and_nothing_else(
    labels: dict[str, str], target: Pod | Address, port: int
) -> None:
    allowed = lets_out(policies(EGRESS), Pod(PIPELINES, labels, {}), target, port)
    if isinstance(target, Address):
        assert not allowed
    elif target.namespace == "kubeflow" and port in (8080, 8333, 8887, 8888, 9000):
        assert allowed
    elif allowed:
        assert labels.items() >= PUSHER.items()
        assert target.labels["app.kubernetes.io/name"] == "device-gateway"
        assert 4001 <= port <= 4099


@pytest.mark.parametrize("folder", GATEWAYS.values())
def test_of_steps_only_the_pusher_reaches_boards(folder: str) -> None:
    (namespace,) = of_kind("Namespace", folder)
    template = gateway(folder)
    boards = Pod(template.namespace, template.labels, namespace["metadata"]["labels"])
    assert lets_out(policies(EGRESS), Pod(PIPELINES, STEP | PUSHER, {}), boards, 4001)
    assert not lets_out(policies(EGRESS), Pod(PIPELINES, STEP, {}), boards, 4001)


def test_a_step_reaches_names_and_the_api_server_and_other_pods_of_its_namespace_everything() -> None:
    step, notebook = Pod(PIPELINES, STEP, {}), Pod(PIPELINES, {"app": "notebook"}, {})
    assert lets_out(policies(EGRESS), step, Pod("kube-system", {"k8s-app": "kube-dns"}, {}), 53)
    assert lets_out(policies(EGRESS), step, API_SERVER, 6443)
    assert not lets_out(policies(EGRESS), step, API_SERVER, 443)
    assert not lets_out(policies(EGRESS), step, INTERNET, 443)
    assert lets_out(policies(EGRESS), notebook, INTERNET, 443)
