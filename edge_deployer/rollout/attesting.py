"""Attests what a staging pool accepted, and holds evidence against what was attested."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from typing import Any

from edge_deployer.errors import TinyopsError
from edge_deployer.files import exists, read_file, read_record, write_file
from edge_deployer.finding import Finding, kind
from edge_deployer.paperwork import paperwork
from edge_deployer.release.attestation import (
    ATTESTATION_FILE,
    Acceptance,
    Digest,
    ErrorRates,
    WrongAttestation,
    sign_attestation,
    verify_attestation,
)
from edge_deployer.release.bundle import Bundle
from edge_deployer.release.dsse import Envelope
from edge_deployer.release.keys import SigningKey
from edge_deployer.release.store import RECORD_FILE
from edge_deployer.rollout.deployment import Deployment

Attested = kind(
    "attestation.holds",
    "accepted by {{ boards | together }}, evidence {{ evidence }}"
    "{% if not recorded %}; that evidence is not kept here{% endif %}",
    {"boards": tuple[str, ...], "evidence": str, "recorded": bool},
)

NotAttested = kind("attestation.none", "no attestation lies beside {{ release }}", {"release": str})

_FAILS = "attestation.fails"

AttestationFails = kind(
    _FAILS,
    "the attestation of {{ release }} does not hold: {{ message }}",
    {"release": str, "message": str, "help": str},
    remedy="{{ help }}",
)


def evidence_hash(deployment: Deployment) -> str:
    """Hex SHA-256 of what a release was accepted on: docs/attestation.md, "The evidence".

    Production's boards are not part of it: a release is accepted before they are asked.
    """
    facts = {"name", "profile", "virtual", "spare", "evidence", "verdict"}
    record = json.loads(deployment.model_dump_json(include={"plan", "reference", "staging"}))
    record["image_hash"] = deployment.release and deployment.release.image_hash
    boards = [board for board in deployment.boards if board.pool == "staging"]
    record["boards"] = [json.loads(board.model_dump_json(include=facts)) for board in boards]
    text = json.dumps(_said(record), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _said(value: Any) -> Any:
    """Without members that are null: a later version's records have more of them."""
    if isinstance(value, dict):
        return {name: _said(member) for name, member in value.items() if member is not None}
    return [_said(member) for member in value] if isinstance(value, list) else value


def attest(bundle: Bundle, deployment: Deployment, key: SigningKey) -> bytes:
    """The attestation of a release that the deployment's staging pool has accepted.

    Raises:
        ValueError: it has not.
    """
    staging, plan = deployment.staging, deployment.plan
    if staging is None or staging.decision != "accepted":
        raise ValueError("staging did not accept the release")
    acceptance = Acceptance(
        image_hash=bundle.image.hash.hex(),
        evidence=Digest(sha256=evidence_hash(deployment)),
        plan=plan.model_dump(mode="json"),
        error_rates=ErrorRates(alpha=plan.alpha, beta=plan.beta),
        decision="accepted",
        accepted_by=staging.accepted,
        quorum=staging.quorum,
        deployment_started=deployment.started,
        tinyops=version("tinyml-ops"),
    )
    return sign_attestation(bundle, acceptance, key)


def write_attestation(bundle: Bundle, deployment: Deployment, key: SigningKey) -> None:
    """Write it beside the bundle, if staging has accepted the release. Where that fails, it is a warning."""
    if deployment.staging is None or deployment.staging.decision != "accepted":
        return
    path = bundle.folder / ATTESTATION_FILE
    with paperwork(f"the attestation, {path},"):
        write_file(path, attest(bundle, deployment, key), remedy="make the workspace writable")


def attestation_for_report(bundle: Bundle | None, deployment: Deployment) -> Envelope | None:
    """What lies beside the bundle of a release that staging accepted; None if there is none."""
    if bundle is None or deployment.staging is None or deployment.staging.decision != "accepted":
        return None
    with paperwork("the attestation in the report"):
        path = bundle.folder / ATTESTATION_FILE
        if exists(path, f"attestation {path}"):
            return read_record(Envelope, path, f"attestation {path}", remedy="restore it")
    return None


def check_attestation(bundle: Bundle, public_pem: bytes) -> Finding:
    """Whether a release's attestation holds: its signature, its image, and the evidence where that lies beside it.

    Returns:
        `Attested`, `NotAttested` or `AttestationFails`.
    """
    path = bundle.folder / ATTESTATION_FILE
    try:
        if not exists(path, f"attestation {path}"):
            return NotAttested(release=bundle.release_id)
        attestation = verify_attestation(read_file(path, f"attestation {path}"), bundle, public_pem)
        acceptance = attestation.predicate
        recorded = _recorded_evidence(bundle, acceptance)
    except TinyopsError as error:
        return AttestationFails(release=bundle.release_id, message=error.message, help=error.remedy)
    return Attested(boards=acceptance.accepted_by, evidence=acceptance.evidence.sha256, recorded=recorded)


def is_contradicted(found: Finding) -> bool:
    """Whether what `check_attestation` found is that an attestation does not hold."""
    return found.code == _FAILS


def _recorded_evidence(bundle: Bundle, acceptance: Acceptance) -> bool:
    """Whether the evidence lies beside the bundle: the record there may be of an earlier promotion.

    Raises:
        WrongAttestation: the record is of the attested deployment, and its evidence is another.
        TinyopsError: the record cannot be read.
    """
    path = bundle.folder / RECORD_FILE
    if not exists(path, f"record {path}"):
        return False
    record = read_record(Deployment, path, f"record {path}", remedy="restore it as it was written")
    if record.started != acceptance.deployment_started:
        return False
    found = evidence_hash(record)
    if found != acceptance.evidence.sha256:
        raise WrongAttestation(
            f"the evidence in {path} has the SHA-256 {found}, attested is {acceptance.evidence.sha256}",
            remedy="restore the record as it was written",
        )
    return True
