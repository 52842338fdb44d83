"""The cluster on a desk, as far as it goes without a cluster: `kubernetes/try-it.md`, and the boards that it has."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from pipeline.project.kubeflow_settings import KubeflowSection
from tests.edge_deployer.cli.command import tinyops
from tests.kubernetes.daemons import daemon, free_ports, program
from tests.kubernetes.manifests import DESK, DESK_PIPELINES, KUBERNETES, of_kind

PAGE = (KUBERNETES / "try-it.md").read_text()
BOARDS = {"staging-1", "staging-2", "production-1"}


def commands() -> Iterator[str]:
    """Every command of the page, of one line or several."""
    for block in re.findall(r"^```\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        yield from block.replace("\\\n", "").splitlines()


def test_boards_inventory_service_and_policy_of_the_desk_agree() -> None:
    (configuration,), (service,) = of_kind("ConfigMap", DESK), of_kind("Service", DESK)
    listed = re.findall(
        r"tcp,(\d+)\n  timeout: \d+\n  connector: serialdev,/dev/([^,]+),", str(configuration["data"]["ser2net.yaml"])
    )
    ports = {name: int(port) for port, name in listed}
    assert ports == {port["name"]: port["port"] for port in service["spec"]["ports"]}
    (inventory,) = of_kind("ConfigMap", DESK_PIPELINES)
    boards = yaml.safe_load(inventory["data"]["boards.yaml"])["boards"]
    host = f"{service['metadata']['name']}.{service['metadata']['namespace']}.svc"
    urls = {board["name"]: urlsplit(board["url"]) for board in boards}
    assert {name: (url.hostname, url.port) for name, url in urls.items()} == {
        name: (host, port) for name, port in ports.items()
    }
    policy = next(each for each in of_kind("NetworkPolicy", DESK) if each["spec"].get("ingress"))
    (source,) = policy["spec"]["ingress"][0]["from"]
    assert source["namespaceSelector"]["matchLabels"] == {
        "kubernetes.io/metadata.name": inventory["metadata"]["namespace"]
    }


def test_the_page_makes_what_manifests_and_pipelines_name() -> None:
    names = KubeflowSection(image="tinyops/pipeline:0.1.0", pipeline_root="minio://b/r").release_line
    words = [shlex.split(command, comments=True) for command in commands()]
    created = {tuple(line[3:]) for line in words if line[:1] == ["kubectl"] and "create" in line}
    assert ("create", "configmap", "trusted-key", "--from-file=public.pem") in created
    assert (
        "create", "secret", "generic", names.signing_key.name, f"--from-file={names.signing_key.key}=release.pem",
    ) in created  # fmt: skip
    applied = [line[-1] for line in words if line[:3] == ["kubectl", "apply", "-k"]]
    assert [folder for folder in applied if folder.startswith("kubernetes/")] == [
        f"kubernetes/{DESK}",
        f"kubernetes/{DESK_PIPELINES}",
    ]
    images = {line[line.index("-t") + 1] for line in words if line[:2] == ["docker", "build"]}
    (deployment,) = of_kind("Deployment", DESK)
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] in images
    (loaded,) = [set(line) for line in words if line[:3] == ["kind", "load", "docker-image"]]
    assert images <= loaded


@pytest.mark.verify
def test_what_the_page_does_without_a_cluster_works(tmp_path: Path) -> None:
    """Its keys are such as boards trust, its boards answer through the gateway, Kubeflow would take its pipeline."""
    for command in commands():
        if command.startswith("openssl "):
            subprocess.run(shlex.split(command), cwd=tmp_path, check=True, capture_output=True)
        if command.startswith(("tinyops compile ", "tinyops verify ")):
            arguments = shlex.split(command)[1:]
            offline = ["--offline"] if arguments[0] == "verify" else []
            done = tinyops(*(str(tmp_path / word) if word == "pipeline.yaml" else word for word in arguments), *offline)
            assert done.status == 0, done.stderr
    assert_boards_answer(tmp_path, tmp_path / "public.pem")


def assert_boards_answer(folder: Path, trusted_key: Path) -> None:
    """Through ser2net, as the script of the pod starts it."""
    ser2net = Path(program("ser2net", "ser2net"))
    text = (KUBERNETES / DESK / "ser2net.yaml").read_text()
    theirs = [int(port) for port in re.findall(r"tcp,(\d+)", text)]
    ports = dict(zip(theirs, free_ports(len(theirs)), strict=True))
    moved = folder / "moved.yaml"
    moved.write_text(re.sub(r"tcp,(\d+)", lambda match: f"tcp,127.0.0.1,{ports[int(match[1])]}", text))
    boards = folder / "boards"
    boards.mkdir()
    environment = {
        "CONFIGURATION": str(moved),
        "TRUSTED_KEY": str(trusted_key),
        "BOARDS": str(boards),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}:{ser2net.parent}",
    }
    inventory = yaml.safe_load((KUBERNETES / DESK_PIPELINES / "boards.yaml").read_text())
    for board in inventory["boards"]:
        url = urlsplit(board["url"])
        board["url"] = url._replace(netloc=f"127.0.0.1:{ports[int(url.port or 0)]}").geturl()
    (folder / "inventory.yaml").write_text(yaml.safe_dump(inventory))
    command = ["env", *(f"{name}={value}" for name, value in environment.items()), "bash"]
    with daemon([*command, str(KUBERNETES / DESK / "boards.sh")], folder / "log", list(ports.values())):
        done = tinyops("boards", "probe", "--inventory", folder / "inventory.yaml", "--workspace", folder, "--json")
        probed = json.loads(done.stdout)
    assert {board["board"] for board in probed if board["reachable"]} == BOARDS, done
