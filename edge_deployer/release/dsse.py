"""DSSE envelopes: a payload with its type, and ed25519 signatures over both.

Source: DSSE 1.0.2 (secure-systems-lab/dsse), `protocol.md` and `envelope.md`.
"""

from __future__ import annotations

import base64
import binascii

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, Field

from edge_deployer.errors import TinyopsError
from edge_deployer.files import checking
from edge_deployer.public_key import key_id, public_keys, short_ids
from edge_deployer.release.keys import SigningKey

_STANDARD = str.maketrans("-_", "+/")


class NotSigned(TinyopsError):
    """No trusted key signed what is in the envelope."""


class Signature(BaseModel):
    """One signature of an envelope."""

    model_config = ConfigDict(frozen=True)

    keyid: str = Field(default="", description="hex SHA-256 of the key's SubjectPublicKeyInfo in DER; only a hint")
    sig: str = Field(description="base64 of the signature")


class Envelope(BaseModel):
    """The JSON envelope; a member that DSSE does not know is ignored."""

    model_config = ConfigDict(frozen=True)

    payload: str = Field(description="base64")
    payloadType: str = Field(description="what the payload is: a media type")  # noqa: N815
    signatures: tuple[Signature, ...]


def pae(payload_type: str, payload: bytes) -> bytes:
    """The bytes that are signed: the pre-authentication encoding."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def sign(payload_type: str, payload: bytes, key: SigningKey) -> bytes:
    """An envelope, as JSON. ed25519 is deterministic: the same arguments give the same bytes."""
    signature = Signature(keyid=key.id, sig=_encoded(key.private.sign(pae(payload_type, payload))))
    envelope = Envelope(payload=_encoded(payload), payloadType=payload_type, signatures=(signature,))
    return f"{envelope.model_dump_json(indent=2)}\n".encode()


def open_envelope(data: bytes, public_pem: bytes, what: str = "the envelope") -> tuple[str, bytes]:
    """The payload type and the payload of an envelope that one trusted key, at least, has signed.

    Args:
        data: the envelope, JSON.
        public_pem: PEM blocks of the trusted keys.
        what: the envelope in words, for messages.

    Raises:
        DamagedFile: it is no envelope.
        NotSigned: none of these keys signed it.
    """
    remedy = f"restore {what} as it was written"
    with checking(what, remedy=remedy):
        envelope = Envelope.model_validate_json(data)
    payload = _decoded(envelope.payload)
    signed = b"" if payload is None else pae(envelope.payloadType, payload)
    keys = public_keys(public_pem)
    # A key's id is a hint that nobody signed: every key is tried.
    verified = any(_verifies(key, each.sig, signed) for key in keys for each in envelope.signatures)
    if payload is None or not verified:
        named = short_ids(each.keyid for each in envelope.signatures) or "none"
        trusted = short_ids(map(key_id, keys))
        raise NotSigned(
            f"{what} does not verify: it names key {named}; trusted: {trusted}",
            remedy=f"{remedy}, or name the public half of the key that signed it",
        )
    return envelope.payloadType, payload


def _verifies(key: Ed25519PublicKey, signature: str, signed: bytes) -> bool:
    try:
        key.verify(_decoded(signature) or b"", signed)
    except InvalidSignature:
        return False
    return True


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decoded(text: str) -> bytes | None:
    """Either alphabet of RFC 4648; None for what is no base64."""
    try:
        return base64.b64decode(text.translate(_STANDARD), validate=True)
    except (binascii.Error, ValueError):
        return None
