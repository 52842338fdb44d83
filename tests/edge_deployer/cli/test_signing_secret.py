"""A push with the key in the environment: it signs, and nothing that is written or said has it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from edge_deployer.public_key import key_id
from edge_deployer.release.attestation import ATTESTATION_FILE
from edge_deployer.signing_secret import VARIABLE
from tests.edge_deployer.candidates import one_hot_samples
from tests.edge_deployer.cli.command import tinyops_process
from tests.edge_deployer.inventories import write_fast_inventory
from tests.edge_deployer.tiny_models import identity_classifier

WORKSPACE = ("--workspace", "work")


@pytest.fixture
def private(monkeypatch: pytest.MonkeyPatch) -> Ed25519PrivateKey:
    """The key in the environment."""
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    monkeypatch.setenv(VARIABLE, pem.decode())
    return private


def _secrets(private: Ed25519PrivateKey) -> list[bytes]:
    """What nobody is to find: the PEM's body, and the key's bytes as they are and in hex."""
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    seed = private.private_bytes_raw()
    return [pem.splitlines()[1], seed, seed.hex().encode()]


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def test_nothing_that_a_push_writes_or_says_has_the_key(tmp_path: Path, private: Ed25519PrivateKey) -> None:
    samples = one_hot_samples(4, 240)
    np.savez(tmp_path / "data.npz", inputs=samples.values, labels=samples.labels)
    (tmp_path / "model.tflite").write_bytes(identity_classifier())
    inventory = ("--inventory", write_fast_inventory(tmp_path))
    said = tinyops_process("push", "model.tflite", "--data", "data.npz", *inventory, *WORKSPACE, cwd=tmp_path)
    assert said.returncode == 0, said.stdout + said.stderr
    told = [said]
    told += [tinyops_process(*words, *WORKSPACE, cwd=tmp_path) for words in (("releases", "show", "1.0.0+1"),)]
    told += [tinyops_process("report", "replay", *WORKSPACE, "--json", cwd=tmp_path)]
    assert [done.returncode for done in told] == [0, 0, 0]
    assert not (tmp_path / "work" / "keys").exists()

    written = {path: path.read_bytes() for path in _files(tmp_path)}
    assert len(written) > 15
    for secret in _secrets(private):
        assert not [path for path, content in written.items() if secret in content]
        assert not [done.args for done in told if secret.decode("latin-1") in done.stdout + done.stderr]

    attestation = json.loads(next((tmp_path / "work" / "releases").glob(f"*/{ATTESTATION_FILE}")).read_text())
    assert attestation["signatures"][0]["keyid"] == key_id(private.public_key())
    assert json.loads(told[-1].stdout)["verdicts"][-1] == {
        "name": "attestation",
        "kind": "attestation",
        "same": True,
        "decision": "accepted",
        "differences": [],
    }
    _alter_evidence(tmp_path / "work" / "reports" / "1" / "report.json")
    altered = tinyops_process("report", "replay", *WORKSPACE, cwd=tmp_path)
    assert altered.returncode == 3
    assert "evidence: attested" in altered.stdout


def _alter_evidence(report: Path) -> None:
    """In a figure that no verdict rests on: judging again does not see it."""
    content = json.loads(report.read_text())
    content["deployment"]["boards"][0]["evidence"]["answers"]["seconds"] += 1
    report.write_text(json.dumps(content))


def test_what_is_no_key_stops_a_push_before_a_board_is_touched(
    tmp_path: Path, private: Ed25519PrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, *_ = _secrets(private)
    monkeypatch.setenv(VARIABLE, secret.decode())
    (tmp_path / "model.tflite").write_bytes(identity_classifier())
    done = tinyops_process("push", "model.tflite", *WORKSPACE, cwd=tmp_path)
    assert done.returncode == 1
    assert f"the signing key in {VARIABLE} cannot be read" in done.stderr
    assert secret.decode() not in done.stdout + done.stderr
    assert not (tmp_path / "work" / "boards").exists()
