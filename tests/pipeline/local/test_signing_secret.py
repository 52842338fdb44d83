"""A whole run with the signing key in the environment: nothing that it writes or tells has the key."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from edge_deployer import signing_secret
from edge_deployer.public_key import key_id
from pipeline.local.run import run_project
from tests.pipeline.conftest import DigitsProject


@pytest.mark.verify
def test_nothing_that_a_run_writes_has_the_key(
    tmp_path: Path, digits: DigitsProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_secret, "_taken", {})
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    monkeypatch.setenv(signing_secret.VARIABLE, pem.decode())
    workspace = tmp_path / "workspace"
    result = run_project(digits.config_file, workspace, lambda _: None)
    assert result.deployment.pushed
    assert not (workspace / "keys").exists()
    (attestation,) = workspace.glob("releases/*/attestation.json")
    assert key_id(private.public_key()) in attestation.read_text()
    secrets = (pem.splitlines()[1], private.private_bytes_raw(), private.private_bytes_raw().hex().encode())
    written = [path for path in workspace.rglob("*") if path.is_file() and not path.is_symlink()]
    assert any(path.suffix == ".sqlite" or "metadata" in path.name for path in written)
    assert not [path for path in written if any(secret in path.read_bytes() for secret in secrets)]
