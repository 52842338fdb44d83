"""What kustomize builds is what Kubernetes takes, and its parts fit together."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import kubernetes_validate
import pytest

from edge_deployer.inventory.inventory import BoardEntry, load_inventory
from pipeline.project.kubeflow_settings import KubeflowSection
from tests.kubernetes.manifests import (
    ALL,
    DESK,
    DESK_PIPELINES,
    GATEWAYS,
    KUBERNETES,
    PIPELINES,
    POOLS,
    build,
    of_kind,
    pod_templates,
)

OLDEST, NEWEST = "1.28", "1.37"
BOARD = re.compile(
    r"^connection: &(?P<name>\S+)\n  accepter: telnet\(rfc2217\),tcp,(?P<port>\d+)\n  timeout: \d+\n"
    r"  connector: serialdev,/dev/(?P=name),\d+n81,local$",
    re.MULTILINE,
)


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("folder", ALL)
def test_kubernetes_takes_every_object(folder: str, version: str) -> None:
    for manifest in build(folder):
        kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("folder", GATEWAYS.values())
def test_a_gateway_has_all_its_objects_in_its_namespace(folder: str) -> None:
    kinds = {manifest["kind"] for manifest in build(folder)}
    wanted = {
        "Namespace",
        "ServiceAccount",
        "ConfigMap",
        "Service",
        "Deployment",
        "NetworkPolicy",
        "PodDisruptionBudget",
    }
    assert kinds == wanted
    (namespace,) = of_kind("Namespace", folder)
    for manifest in build(folder):
        if manifest["kind"] != "Namespace":
            assert manifest["metadata"]["namespace"] == namespace["metadata"]["name"]


@pytest.mark.parametrize("folder", GATEWAYS.values())
def test_a_gateway_is_one_pod_that_is_limited_probed_and_not_replaced_while_it_runs(folder: str) -> None:
    (deployment,) = of_kind("Deployment", folder)
    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    for container in deployment["spec"]["template"]["spec"]["containers"]:
        assert container["readinessProbe"]
        assert container["livenessProbe"]
        assert container["resources"]["limits"].keys() >= {"cpu", "memory"}
        assert container["resources"]["requests"].keys() >= {"cpu", "memory"}


@pytest.mark.parametrize("folder", ALL)
def test_every_image_is_named_by_its_digest_and_pulled_once(folder: str) -> None:
    """Those of the desk are loaded into its node, and have a digest in no registry."""
    for template in pod_templates(folder):
        for container in template["spec"]["containers"]:
            # The same rule as for the image in a project's file.
            KubeflowSection(image=container["image"], pipeline_root="minio://bucket/line")
            assert ("@sha256:" in container["image"]) == (folder not in (DESK, DESK_PIPELINES))
            assert container["imagePullPolicy"] == "IfNotPresent"


@pytest.mark.parametrize("folder", ALL)
def test_every_object_that_a_pod_names_is_there(folder: str) -> None:
    there = {(manifest["kind"], manifest["metadata"]["name"]) for manifest in build(folder)}
    # Made by hand: keys are never in a repository.
    there |= {("Secret", "site-tls"), ("ConfigMap", "trusted-key")}
    for template in pod_templates(folder):
        spec = template["spec"]
        named = {("ServiceAccount", spec["serviceAccountName"])} if "serviceAccountName" in spec else set()
        for volume in spec["volumes"]:
            if "configMap" in volume:
                named.add(("ConfigMap", volume["configMap"]["name"]))
            if "secret" in volume:
                named.add(("Secret", volume["secret"]["secretName"]))
            if "persistentVolumeClaim" in volume:
                named.add(("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]))
        assert named <= there
        volumes = {volume["name"] for volume in spec["volumes"]}
        for container in spec["containers"]:
            assert {mount["name"] for mount in container["volumeMounts"]} == volumes


@pytest.mark.parametrize("folder", GATEWAYS.values())
def test_services_and_budgets_select_the_gateway(folder: str) -> None:
    (deployment,), (service,) = of_kind("Deployment", folder), of_kind("Service", folder)
    (budget,) = of_kind("PodDisruptionBudget", folder)
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    for selector in (
        service["spec"]["selector"],
        budget["spec"]["selector"]["matchLabels"],
        deployment["spec"]["selector"]["matchLabels"],
    ):
        assert selector
        assert selector.items() <= labels.items()


@pytest.mark.parametrize("pool", POOLS)
def test_a_gateway_runs_where_its_boards_are(pool: str) -> None:
    (template,) = pod_templates(GATEWAYS[pool])
    (container,) = template["spec"]["containers"]
    assert container["resources"]["limits"][f"squat.ai/{pool}-boards"] == "1"
    assert template["spec"]["nodeSelector"] == {"tinyops.dev/bench": "true"}
    assert template["spec"]["tolerations"] == [
        {"key": "tinyops.dev/bench", "operator": "Exists", "effect": "NoSchedule"}
    ]


def test_the_inventory_names_each_board_as_its_gateway_does(tmp_path: Path) -> None:
    (inventory,) = of_kind("ConfigMap", PIPELINES)
    assert inventory["metadata"]["name"] == "device-inventory"
    file = tmp_path / "boards.yaml"
    file.write_text(inventory["data"]["boards.yaml"])
    boards = load_inventory(file)
    for pool in POOLS:
        assert {board.name: _port(board, pool) for board in boards.pool(pool)} == _boards_of_gateway(pool)


def _port(board: BoardEntry, pool: str) -> int:
    """The port of a board's URL, which must lead to the gateway of its pool."""
    assert board.url is not None
    (service,) = of_kind("Service", GATEWAYS[pool])
    url = urlsplit(board.url)
    assert url.scheme == "rfc2217"
    assert url.hostname == f"{service['metadata']['name']}.{service['metadata']['namespace']}.svc"
    assert url.port is not None
    return url.port


def _boards_of_gateway(pool: str) -> dict[str, int]:
    """Boards and ports of ser2net's configuration, which must be those of the service."""
    (configuration,) = of_kind("ConfigMap", GATEWAYS[pool])
    boards = {match["name"]: int(match["port"]) for match in BOARD.finditer(configuration["data"]["ser2net.yaml"])}
    (service,) = of_kind("Service", GATEWAYS[pool])
    assert {port["name"]: port["port"] for port in service["spec"]["ports"]} == boards
    return boards


def test_the_ends_of_the_tunnel_name_the_same_boards_and_ports() -> None:
    (near,) = of_kind("ConfigMap", GATEWAYS["remote"])
    (service,) = of_kind("Service", GATEWAYS["remote"])
    tunnel, far_end = _sections(near["data"]["stunnel.conf"]), _sections((KUBERNETES / "site/stunnel.conf").read_text())
    assert {port["name"]: port["port"] for port in service["spec"]["ports"]} == {
        board: accept for board, (accept, _) in tunnel.items()
    }
    assert {board: connect for board, (_, connect) in tunnel.items()} == {
        board: accept for board, (accept, _) in far_end.items()
    }
    lines = re.findall(
        r"^connection: &(.+)\n  accepter: telnet\(rfc2217\),tcp,127\.0\.0\.1,(\d+)$",
        (KUBERNETES / "site/ser2net.yaml").read_text(),
        re.MULTILINE,
    )
    assert {board: int(port) for board, port in lines} == {board: connect for board, (_, connect) in far_end.items()}


def _sections(stunnel: str) -> dict[str, tuple[int, int]]:
    """Port that stunnel listens at, and port that it connects to, by board."""
    found = re.findall(r"^\[(.+)\]\naccept = (\d+)\nconnect = \S+:(\d+)$", stunnel, re.MULTILINE)
    assert len(found) == stunnel.count("[")
    return {board: (int(accept), int(connect)) for board, accept, connect in found}


def test_a_compiled_pipeline_finds_what_it_names_by_default() -> None:
    names = KubeflowSection(
        image="registry.example.com/tinyops/pipeline:0.1.0", pipeline_root="minio://b/r"
    ).release_line
    there = {(manifest["kind"], manifest["metadata"]["name"]): manifest for manifest in build(PIPELINES)}
    assert names.inventory.key in there["ConfigMap", names.inventory.name]["data"]
    assert there["PersistentVolumeClaim", names.claim]["spec"]["accessModes"] == ["ReadWriteOnce"]
    readme = (KUBERNETES / "README.md").read_text()
    assert f"`{names.signing_key.name}`" in readme
    assert f"`{names.signing_key.key}`" in readme
    policy = next(each for each in of_kind("NetworkPolicy", GATEWAYS["staging"]) if each["spec"].get("ingress"))
    (source,) = policy["spec"]["ingress"][0]["from"]
    assert source["podSelector"]["matchLabels"] == names.labels
    assert source["namespaceSelector"]["matchLabels"] == {
        "kubernetes.io/metadata.name": there["ConfigMap", names.inventory.name]["metadata"]["namespace"]
    }


def test_no_key_is_in_the_folder() -> None:
    for file in KUBERNETES.rglob("*"):
        if file.is_file() and file.suffix in {".yaml", ".conf", ".md"}:
            assert "PRIVATE KEY" not in file.read_text(), file
    assert all(manifest["kind"] != "Secret" for folder in ALL for manifest in build(folder))
