"""ed25519 keys: the private one signs releases, the public one is what a board and the rollout check them with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from edge_deployer.errors import TinyopsError
from edge_deployer.files import make_folder
from edge_deployer.public_key import read_public_key


@dataclass(frozen=True)
class SigningKey:
    """A private key on disk and the public half that verifies what it signs.

    Attributes:
        path: PEM file of the private key, as imgtool reads it.
        public_pem: PEM of the public key (SubjectPublicKeyInfo).
    """

    path: Path
    public_pem: bytes


def load_signing_key(path: Path) -> SigningKey:
    """Load an unencrypted ed25519 private key.

    Raises:
        TinyopsError: the file is missing, or is not such a key.
    """
    try:
        private = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except FileNotFoundError:
        raise TinyopsError(
            f"signing key {path} does not exist", remedy=f"make one: imgtool keygen -t ed25519 -k {path}"
        ) from None
    except OSError as error:
        raise TinyopsError(f"signing key {path} cannot be read: {error.strerror}", remedy="correct the path") from None
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise TinyopsError(
            f"signing key {path} cannot be read: {error}", remedy="give an unencrypted ed25519 private key in PEM"
        ) from None
    if not isinstance(private, Ed25519PrivateKey):
        raise TinyopsError(
            f"signing key {path} is not an ed25519 key", remedy=f"make one: imgtool keygen -t ed25519 -k {path}"
        )
    return SigningKey(path, _public_pem(private.public_key()))


def load_or_create_signing_key(path: Path) -> SigningKey:
    """Load the key at `path`, or make a new one there (mode 0600) if there is none.

    Raises:
        TinyopsError: what is there is no such key, or its folder cannot be made.
    """
    if not path.exists():
        make_folder(path.parent)
        pem = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.touch(mode=0o600)
        path.write_bytes(pem)
    return load_signing_key(path)


def load_public_key(path: Path) -> bytes:
    """The PEM of an ed25519 public key file.

    Raises:
        TinyopsError: the file is missing, or is not such a key.
    """
    return _public_pem(read_public_key(path))


def _public_pem(public: Ed25519PublicKey) -> bytes:
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
