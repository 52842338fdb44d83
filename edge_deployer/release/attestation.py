"""What is signed about an accepted release: an in-toto statement that a staging pool accepted it, and on what evidence.

Source of the statement: in-toto attestation framework, Statement v1. The predicate is ours, docs/attestation.md.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from edge_deployer.errors import TinyopsError
from edge_deployer.files import checking
from edge_deployer.release.bundle import Bundle
from edge_deployer.release.dsse import open_envelope, sign
from edge_deployer.release.keys import SigningKey
from edge_deployer.release.manifest import Sha256

ATTESTATION_FILE: Final = "attestation.json"
"""Beside the image of an accepted release: the envelope."""

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "urn:tinyops:acceptance:v1"

_WHAT = "the attestation"
_REMEDY = "take the attestation that lies beside this release's image"


class WrongAttestation(TinyopsError):
    """A signed attestation that is of something else."""


class _Part(BaseModel):
    # in-toto: a consumer ignores what it does not know.
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)


class Digest(_Part):
    """A DigestSet with the one algorithm that is used here."""

    sha256: Sha256


class Subject(_Part):
    """What the statement is about: the image's file."""

    name: str = Field(description="release id")
    digest: Digest


class ErrorRates(_Part):
    """At which the pool's verdict was reached, see the acceptance plan."""

    alpha: float
    beta: float


class Acceptance(_Part):
    """The predicate."""

    image_hash: Sha256 = Field(description="MCUboot's hash of the image: what a board names it by")
    evidence: Digest = Field(description="of what the staging boards answered and how that was judged")
    plan: dict[str, Any] = Field(description="the acceptance plan, whole")
    error_rates: ErrorRates
    decision: Literal["accepted"]
    accepted_by: tuple[str, ...] = Field(description="boards that accept")
    quorum: int = Field(description="boards that had to accept")
    deployment_started: AwareDatetime
    tinyops: str = Field(description="version")


class Attestation(_Part):
    """The statement."""

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(default=STATEMENT_TYPE, alias="_type")
    subject: tuple[Subject, ...] = Field(min_length=1)
    predicate_type: Literal["urn:tinyops:acceptance:v1"] = PREDICATE_TYPE
    predicate: Acceptance

    @property
    def release_id(self) -> str:
        """The release that was accepted."""
        return self.subject[0].name


def sign_attestation(bundle: Bundle, acceptance: Acceptance, key: SigningKey) -> bytes:
    """The statement about a release in an envelope. The same arguments give the same bytes."""
    statement = Attestation(subject=(_subject(bundle),), predicate=acceptance).model_dump(mode="json", by_alias=True)
    payload = json.dumps(statement, sort_keys=True, separators=(",", ":"))
    return sign(PAYLOAD_TYPE, payload.encode(), key)


def open_attestation(data: bytes, public_pem: bytes) -> Attestation:
    """The statement in an envelope that one of these keys signed, whatever release it is about.

    Raises:
        NotSigned: none of the keys signed it.
        WrongAttestation: it is another kind of payload.
        DamagedFile: it is no envelope, or no such statement.
    """
    kind, payload = open_envelope(data, public_pem, _WHAT)
    if kind != PAYLOAD_TYPE:
        raise WrongAttestation(f"{_WHAT} is of type {kind}, not {PAYLOAD_TYPE}", remedy=_REMEDY)
    with checking(_WHAT, remedy=_REMEDY):
        return Attestation.model_validate_json(payload)


def verify_attestation(data: bytes, bundle: Bundle, public_pem: bytes) -> Attestation:
    """The statement about this release.

    Raises:
        WrongAttestation: it is about another one.
        NotSigned, DamagedFile: as `open_attestation`.
    """
    attestation = open_attestation(data, public_pem)
    digests = {subject.digest for subject in attestation.subject}
    is_image = attestation.predicate.image_hash == bundle.image.hash.hex()
    if _subject(bundle).digest not in digests or not is_image:
        about, release = attestation.release_id, bundle.release_id
        raise WrongAttestation(f"{_WHAT} is about {about}, and not the image of {release}", remedy=_REMEDY)
    return attestation


def _subject(bundle: Bundle) -> Subject:
    return Subject(name=bundle.release_id, digest=Digest(sha256=hashlib.sha256(bundle.image.data).hexdigest()))
