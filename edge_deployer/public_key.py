"""The ed25519 public key file that boards, inventories and releases check signatures with."""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from edge_deployer.errors import TinyopsError
from edge_deployer.files import exists, read_file

_REMEDY = "give the PEM file that 'imgtool getpub --encoding pem' writes for an ed25519 key"


def read_public_key(path: Path) -> Ed25519PublicKey:
    """Read an ed25519 public key in PEM.

    Raises:
        TinyopsError: the file is missing, or is not such a key.
    """
    if not exists(path, f"public key {path}"):
        raise TinyopsError(f"public key {path} does not exist", remedy="correct the path")
    contents = read_file(path, f"public key {path}", remedy=_REMEDY)
    try:
        key = load_pem_public_key(contents)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise TinyopsError(f"public key {path} cannot be read: {error}", remedy=_REMEDY) from None
    if not isinstance(key, Ed25519PublicKey):
        raise TinyopsError(f"public key {path} is not an ed25519 key", remedy=_REMEDY)
    return key
