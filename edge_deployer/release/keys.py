"""ed25519 keys: the private one signs releases, the public one is what a board and the rollout check them with."""

from __future__ import annotations

import logging
import stat
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge_deployer.errors import TinyopsError
from edge_deployer.files import create_file, exists, make_folder, read_file
from edge_deployer.public_key import key_id, public_pem, trusted_pem
from edge_deployer.signing_secret import VARIABLE, environment_of_signer


@dataclass(frozen=True)
class SigningKey:
    """A private key and the public half that verifies what it signs."""

    path: Path | None  # Its PEM file; None for the environment's.
    public_pem: bytes  # PEM of the public key (SubjectPublicKeyInfo).
    private: Ed25519PrivateKey = field(repr=False, compare=False)

    @property
    def id(self) -> str:
        """See `key_id`."""
        return key_id(self.private.public_key())

    @property
    def name(self) -> str:
        """Where it comes from, for messages."""
        return str(self.path or VARIABLE)

    def private_pem(self) -> bytes:
        """PEM of the private key (PKCS #8), for a program that signs. It goes to no file, log or command line."""
        return _private_pem(self.private)


def signing_key(workspace: Path, path: Path | None) -> SigningKey:
    """The key that signs a workspace's releases: of the file, if one is named; or the environment's; or its own.

    Raises:
        TinyopsError: that is no ed25519 key, or the workspace's own cannot be made.
    """
    if path is not None:
        return load_signing_key(path)
    return environment_key() or load_or_create_signing_key(_own_file(workspace))


def environment_key() -> SigningKey | None:
    """The private key in the environment; None if there is none.

    Raises:
        TinyopsError: the variable holds something else.
    """
    pem = environment_of_signer().get(VARIABLE)
    if pem is None:
        return None
    remedy = f"put the key itself into {VARIABLE}, an unencrypted ed25519 private key in PEM with its line breaks"
    private = _parse(pem.encode(), f"the signing key in {VARIABLE}", remedy)
    return SigningKey(None, public_pem(private.public_key()), private)


def own_public_pem(workspace: Path) -> bytes:
    """Public halves of the keys that sign here where none is named: the environment's and the workspace's own.

    As PEM blocks; b"" where there is neither.

    Raises:
        TinyopsError: one of them cannot be read.
    """
    given, own = environment_key(), _own_file(workspace)
    keys = [given.public_pem] if given else []
    keys += [load_signing_key(own).public_pem] if exists(own, f"signing key {own}") else []
    return b"".join(keys)


def load_signing_key(path: Path) -> SigningKey:
    """Load an unencrypted ed25519 private key.

    Raises:
        TinyopsError: the file is missing, or is not such a key.
    """
    what = f"signing key {path}"
    if not exists(path, what):
        raise TinyopsError(f"{what} does not exist", remedy=f"make one: imgtool keygen -t ed25519 -k {path}")
    pem = read_file(path, what)
    if not pem.strip():
        raise TinyopsError(
            f"{what} is empty: whatever was writing it was interrupted",
            remedy="put the key back from where it is kept; if releases were never signed with it, remove the file and "
            "make another",
        )
    private = _parse(pem, what, "give an unencrypted ed25519 private key in PEM")
    _warn_of_mode(path, stat.S_IMODE(path.stat().st_mode))
    return SigningKey(path, public_pem(private.public_key()), private)


def load_or_create_signing_key(path: Path) -> SigningKey:
    """Load the key at `path`, or make a new one there (mode 0600) if there is none.

    Raises:
        TinyopsError: what is there is no such key, or its folder cannot be made.
    """
    if not exists(path, f"signing key {path}"):
        make_folder(path.parent)
        # Another command may have made one in the meantime: that one is loaded then.
        create_file(path, _private_pem(Ed25519PrivateKey.generate()), mode=0o600)
    return load_signing_key(path)


def load_public_key(path: Path) -> bytes:
    """The PEM blocks of the ed25519 public keys in a file.

    Raises:
        TinyopsError: the file is missing, or holds something else.
    """
    return trusted_pem([path])


def _own_file(workspace: Path) -> Path:
    return workspace / "keys" / "signing.pem"


def _parse(pem: bytes, what: str, remedy: str) -> Ed25519PrivateKey:
    try:
        private = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Not what the parser says: it may quote what it read.
        raise TinyopsError(f"{what} cannot be read: it is no such key, or encrypted", remedy=remedy) from None
    if not isinstance(private, Ed25519PrivateKey):
        raise TinyopsError(f"{what} is not an ed25519 key", remedy=remedy)
    return private


def _private_pem(private: Ed25519PrivateKey) -> bytes:
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@cache
def _warn_of_mode(path: Path, mode: int) -> None:
    """Once for a key and its permissions: a command loads its key more than once."""
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        logging.getLogger(__name__).warning(
            "warning: private key %s is open to other users of this machine, mode %03o; close it: chmod 600 %s",
            path,
            mode,
            path,
        )
