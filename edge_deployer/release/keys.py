"""ed25519 keys: the private one signs releases, the public one is what a board and the rollout check them with."""

from __future__ import annotations

import logging
import stat
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from edge_deployer.errors import TinyopsError
from edge_deployer.files import create_file, exists, make_folder, read_file
from edge_deployer.public_key import read_public_key


@dataclass(frozen=True)
class SigningKey:
    """A private key on disk and the public half that verifies what it signs."""

    path: Path  # PEM file of the private key, as imgtool reads it.
    public_pem: bytes  # PEM of the public key (SubjectPublicKeyInfo).


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
    try:
        private = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        remedy = "give an unencrypted ed25519 private key in PEM"
        raise TinyopsError(f"{what} cannot be read: {error}", remedy=remedy) from None
    if not isinstance(private, Ed25519PrivateKey):
        raise TinyopsError(f"{what} is not an ed25519 key", remedy=f"make one: imgtool keygen -t ed25519 -k {path}")
    _warn_of_mode(path, stat.S_IMODE(path.stat().st_mode))
    return SigningKey(path, _public_pem(private.public_key()))


def load_or_create_signing_key(path: Path) -> SigningKey:
    """Load the key at `path`, or make a new one there (mode 0600) if there is none.

    Raises:
        TinyopsError: what is there is no such key, or its folder cannot be made.
    """
    if not exists(path, f"signing key {path}"):
        make_folder(path.parent)
        pem = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        # Another command may have made one in the meantime: that one is loaded then.
        create_file(path, pem, mode=0o600)
    return load_signing_key(path)


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


def load_public_key(path: Path) -> bytes:
    """The PEM of an ed25519 public key file.

    Raises:
        TinyopsError: the file is missing, or is not such a key.
    """
    return _public_pem(read_public_key(path))


def _public_pem(public: Ed25519PublicKey) -> bytes:
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
