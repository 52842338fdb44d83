"""Keys: what can be wrong with a key file, and what the user is told."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edge_deployer import signing_secret
from edge_deployer.errors import TinyopsError
from edge_deployer.release.keys import (
    environment_key,
    load_or_create_signing_key,
    load_public_key,
    load_signing_key,
    own_public_pem,
    signing_key,
)
from edge_deployer.signing_secret import VARIABLE
from tests.small_files import no_file_larger_than


def test_a_new_key_is_private_and_is_loaded_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "signing.pem"
    made = load_or_create_signing_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_create_signing_key(path) == made
    public = tmp_path / "public.pem"
    public.write_bytes(made.public_pem)
    assert load_public_key(public) == made.public_pem


@pytest.mark.parametrize("load", [load_signing_key, load_public_key])
def test_a_missing_key_names_its_path(tmp_path: Path, load: object) -> None:
    assert callable(load)
    with pytest.raises(TinyopsError, match=r"nowhere\.pem does not exist"):
        load(tmp_path / "nowhere.pem")


@pytest.mark.parametrize("load", [load_signing_key, load_public_key])
def test_a_folder_is_no_key(tmp_path: Path, load: object) -> None:
    assert callable(load)
    with pytest.raises(TinyopsError, match="cannot be read: Is a directory"):
        load(tmp_path)


def test_a_new_key_needs_a_folder(tmp_path: Path) -> None:
    (tmp_path / "workspace").touch()
    with pytest.raises(TinyopsError, match="workspace/keys cannot be made: Not a directory"):
        load_or_create_signing_key(tmp_path / "workspace" / "keys" / "signing.pem")


@pytest.mark.parametrize("load", [load_signing_key, load_public_key])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, load: object) -> None:
    assert callable(load)
    path = tmp_path / "key.pem"
    path.write_text("not a key")
    with pytest.raises(TinyopsError, match=r"key\.pem cannot be read"):
        load(path)


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    path = tmp_path / "p256.pem"
    path.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    with pytest.raises(TinyopsError, match="not an ed25519 key"):
        load_signing_key(path)
    path.write_bytes(
        private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    with pytest.raises(TinyopsError, match="not an ed25519 key"):
        load_public_key(path)


def test_an_empty_key_that_a_crash_left_is_named_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "signing.pem"
    path.touch(mode=0o600)
    with pytest.raises(TinyopsError, match=r"signing\.pem is empty") as raised:
        load_or_create_signing_key(path)
    assert "remove the file" in raised.value.remedy


def test_a_new_key_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with no_file_larger_than(10), pytest.raises(TinyopsError, match=r"signing\.pem cannot be written: File too large"):
        load_or_create_signing_key(tmp_path / "signing.pem")
    assert not list(tmp_path.iterdir())
    load_or_create_signing_key(tmp_path / "signing.pem")


@pytest.mark.parametrize(("mode", "warns"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_a_private_key_that_others_can_read_is_used_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int, warns: bool
) -> None:
    path = tmp_path / "signing.pem"
    made = load_or_create_signing_key(path)
    path.chmod(mode)
    for _ in range(2):
        assert load_signing_key(path) == made
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == warns
    assert all(f"private key {path} is open to other users" in line and f"mode {mode:03o}" in line for line in said)


@pytest.fixture
def in_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A key that only the environment has; its PEM."""
    monkeypatch.setattr(signing_secret, "_taken", {})
    path = tmp_path / "elsewhere.pem"
    load_or_create_signing_key(path)
    pem = path.read_text()
    path.unlink()
    monkeypatch.setenv(VARIABLE, pem)
    return pem


def test_the_key_in_the_environment_signs_where_no_file_is_named(tmp_path: Path, in_environment: str) -> None:
    key = signing_key(tmp_path, None)
    assert (key.path, key.name, key.private_pem().decode()) == (None, VARIABLE, in_environment)
    assert not list(tmp_path.iterdir())
    named = load_or_create_signing_key(tmp_path / "named.pem")
    assert signing_key(tmp_path, tmp_path / "named.pem") == named != key


def test_without_one_the_workspace_has_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing_secret, "_taken", {})
    assert environment_key() is None
    assert own_public_pem(tmp_path) == b""
    key = signing_key(tmp_path, None)
    assert key.path == tmp_path / "keys" / "signing.pem"
    assert own_public_pem(tmp_path) == key.public_pem


def test_what_either_key_signed_is_the_workspace_s_own(tmp_path: Path, in_environment: str) -> None:
    own = load_or_create_signing_key(tmp_path / "keys" / "signing.pem")
    assert in_environment
    given = signing_key(tmp_path, None)
    assert own_public_pem(tmp_path) == given.public_pem + own.public_pem


def test_no_child_process_inherits_it(in_environment: str) -> None:
    assert environment_key() is not None
    child = [sys.executable, "-c", "import os; print(sorted(os.environ.items()))"]
    told = subprocess.run(child, capture_output=True, text=True, check=True).stdout
    assert "PRIVATE" not in told
    assert VARIABLE not in told
    assert signing_secret.environment_of_signer() == {VARIABLE: in_environment}
    assert VARIABLE not in os.environ


@pytest.mark.parametrize("damage", ["", "cut", "path", "public", "letter"])
def test_what_is_no_key_in_the_environment_is_refused_and_not_repeated(
    in_environment: str, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    body = in_environment.splitlines()[1]
    key = environment_key()
    assert key is not None
    held = {
        "": "",
        "cut": in_environment[:-30],
        "path": "/etc/keys/release.pem",
        "public": key.public_pem.decode(),
        "letter": in_environment.replace(body, f"{body[:30]}!{body[30:]}"),
    }[damage]
    monkeypatch.setenv(VARIABLE, held)
    with pytest.raises(TinyopsError, match=f"the signing key in {VARIABLE} cannot be read") as raised:
        environment_key()
    assert "the key itself" in raised.value.remedy
    assert not any(body[at : at + 6] in str(raised.value) for at in range(len(body) - 5))
    assert "/etc/keys" not in str(raised.value)


def test_a_key_says_nothing_of_its_private_half(in_environment: str) -> None:
    key = environment_key()
    assert key is not None
    assert in_environment.splitlines()[1] not in repr(key)
    assert key.private.private_bytes_raw().hex() not in repr(key)
