"""ed25519 public keys: the files that boards, inventories and releases check signatures with, and the id of a key.

Keys that are trusted together are PEM blocks one after the other, in a file and in memory.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from edge_deployer.errors import TinyopsError
from edge_deployer.files import exists, read_file

_REMEDY = "give the PEM file that 'imgtool getpub --encoding pem' writes for an ed25519 key"
_BLOCK: Final = re.compile(rb"-----BEGIN .+?-----END [^-]*-----", re.DOTALL)


def read_public_keys(path: Path) -> tuple[Ed25519PublicKey, ...]:
    """Read the ed25519 public keys in a PEM file, one at least.

    Raises:
        TinyopsError: the file is missing, or holds something else.
    """
    what = f"public key {path}"
    if not exists(path, what):
        raise TinyopsError(f"{what} does not exist", remedy="correct the path")
    return public_keys(read_file(path, what, remedy=_REMEDY), what)


def public_keys(pem: bytes, what: str = "the public key") -> tuple[Ed25519PublicKey, ...]:
    """The ed25519 public keys in PEM blocks, one at least; `what` names them in messages.

    Raises:
        TinyopsError: a block is something else, or there is none.
    """
    return tuple(_public_key(block, what) for block in _BLOCK.findall(pem) or [pem])


def _public_key(pem: bytes, what: str) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise TinyopsError(f"{what} cannot be read: {error}", remedy=_REMEDY) from None
    if not isinstance(key, Ed25519PublicKey):
        raise TinyopsError(f"{what} is not an ed25519 key", remedy=_REMEDY)
    return key


def trusted_pem(paths: Iterable[Path]) -> bytes:
    """The keys of all these files, as PEM blocks; b"" without a file.

    Raises:
        TinyopsError: as `read_public_keys`.
    """
    return b"".join(public_pem(key) for path in paths for key in read_public_keys(path))


def public_pem(key: Ed25519PublicKey) -> bytes:
    """A key as one PEM block."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def key_id(key: Ed25519PublicKey) -> str:
    """Hex SHA-256 of the key's SubjectPublicKeyInfo in DER: what MCUboot's KEYHASH TLV names a key by."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def short_ids(ids: Iterable[str]) -> str:
    """Key ids in messages: the first 8 hex digits of each."""
    return ", ".join(each[:8] for each in ids)
