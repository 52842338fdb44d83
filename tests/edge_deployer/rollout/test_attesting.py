"""Attestations: of which release, on what evidence, by whom; and what altered ones come to."""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.errors import TinyopsError
from edge_deployer.files import DamagedFile
from edge_deployer.release.attestation import (
    ATTESTATION_FILE,
    PAYLOAD_TYPE,
    WrongAttestation,
    verify_attestation,
)
from edge_deployer.release.bundle import IMAGE_FILE, Bundle, write_bundle
from edge_deployer.release.dsse import NotSigned, open_envelope, sign
from edge_deployer.release.keys import SigningKey
from edge_deployer.release.store import RECORD_FILE
from edge_deployer.report.words import in_words
from edge_deployer.rollout.attesting import (
    attest,
    attestation_for_report,
    check_attestation,
    evidence_hash,
    write_attestation,
)
from edge_deployer.rollout.deployment import Deployment
from tests.edge_deployer.candidates import MakeCandidate
from tests.edge_deployer.report import sample_reports

Alter = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def deployment() -> Deployment:
    return sample_reports.promoted().deployment


@pytest.fixture
def bundle(tmp_path: Path, make_candidate: MakeCandidate, signing_key: SigningKey) -> Bundle:
    return write_bundle(make_candidate(), tmp_path / "1.0.0+1", version="1.0.0+1", key=signing_key)


def test_it_is_an_in_toto_statement_about_the_image_file(
    bundle: Bundle, deployment: Deployment, signing_key: SigningKey
) -> None:
    """Source: in-toto attestation framework, Statement v1; the predicate: docs/attestation.md."""
    kind, payload = open_envelope(attest(bundle, deployment, signing_key), signing_key.public_pem)
    assert kind == "application/vnd.in-toto+json"
    statement = json.loads(payload)
    image = (bundle.folder / IMAGE_FILE).read_bytes()
    assert set(statement) == {"_type", "subject", "predicateType", "predicate"}
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["subject"] == [
        {"name": bundle.release_id, "digest": {"sha256": hashlib.sha256(image).hexdigest()}}
    ]
    assert statement["predicateType"] == "urn:tinyops:acceptance:v1"
    predicate = statement["predicate"]
    assert predicate["imageHash"] == bundle.image.hash.hex()
    assert predicate["evidence"] == {"sha256": evidence_hash(deployment)}
    assert predicate["plan"] == deployment.plan.model_dump(mode="json")
    assert predicate["errorRates"] == {"alpha": deployment.plan.alpha, "beta": deployment.plan.beta}
    assert predicate["decision"] == "accepted"
    assert predicate["acceptedBy"] == list(sample_reports.STAGING)
    assert predicate["deploymentStarted"] == "2026-03-14T09:26:53Z"


def test_what_was_attested_is_verified(bundle: Bundle, deployment: Deployment, signing_key: SigningKey) -> None:
    data = attest(bundle, deployment, signing_key)
    assert data == attest(bundle, deployment, signing_key)
    attestation = verify_attestation(data, bundle, signing_key.public_pem)
    assert attestation.release_id == bundle.release_id
    assert attestation.predicate.evidence.sha256 == evidence_hash(deployment)


def test_another_key_or_another_release_is_refused(
    tmp_path: Path,
    bundle: Bundle,
    deployment: Deployment,
    make_candidate: MakeCandidate,
    signing_key: SigningKey,
    other_key: SigningKey,
) -> None:
    data = attest(bundle, deployment, signing_key)
    with pytest.raises(NotSigned, match=f"the attestation does not verify: it names key {signing_key.id[:8]}"):
        verify_attestation(data, bundle, other_key.public_pem)
    other = write_bundle(make_candidate(6), tmp_path / "1.0.0+2", version="1.0.0+2", key=signing_key)
    with pytest.raises(WrongAttestation, match="the attestation is about"):
        verify_attestation(data, other, signing_key.public_pem)


def test_a_release_that_staging_did_not_accept_is_not_attested(bundle: Bundle, signing_key: SigningKey) -> None:
    refused = sample_reports.refused_at_staging().deployment
    with pytest.raises(ValueError, match="did not accept"):
        attest(bundle, refused, signing_key)
    write_attestation(bundle, refused, signing_key)
    assert not (bundle.folder / ATTESTATION_FILE).exists()


def _payload(data: bytes) -> dict[str, Any]:
    statement: dict[str, Any] = json.loads(base64.b64decode(json.loads(data)["payload"]))
    return statement


@pytest.mark.parametrize(
    ("alter", "error"),
    [
        (lambda said: said.update(_type="https://in-toto.io/Statement/v2"), DamagedFile),
        (lambda said: said.update(predicateType="urn:tinyops:acceptance:v2"), DamagedFile),
        (lambda said: said.update(subject=[]), DamagedFile),
        (lambda said: said["subject"][0]["digest"].update(sha256="00" * 32), WrongAttestation),
        (lambda said: said["predicate"].update(imageHash="00" * 32), WrongAttestation),
        (lambda said: said["predicate"].update(decision="refused"), DamagedFile),
        (lambda said: said["predicate"].pop("evidence"), DamagedFile),
    ],
)
def test_a_statement_of_another_kind_is_refused_whoever_signed_it(
    bundle: Bundle, deployment: Deployment, signing_key: SigningKey, alter: Alter, error: type[TinyopsError]
) -> None:
    statement = _payload(attest(bundle, deployment, signing_key))
    alter(statement)
    with pytest.raises(error):
        verify_attestation(
            sign(PAYLOAD_TYPE, json.dumps(statement).encode(), signing_key), bundle, signing_key.public_pem
        )
    with pytest.raises(WrongAttestation, match="of type text/plain"):
        verify_attestation(sign("text/plain", b"{}", signing_key), bundle, signing_key.public_pem)


def test_members_of_a_later_version_are_ignored(
    bundle: Bundle, deployment: Deployment, signing_key: SigningKey
) -> None:
    statement = _payload(attest(bundle, deployment, signing_key))
    statement["predicate"]["weather"] = "fine"
    data = sign(PAYLOAD_TYPE, json.dumps(statement).encode(), signing_key)
    assert verify_attestation(data, bundle, signing_key.public_pem).predicate.quorum == 2


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [leaf for name, member in value.items() for leaf in _leaves(member, (*path, name))]
    if isinstance(value, list):
        return [leaf for place, member in enumerate(value) for leaf in _leaves(member, (*path, place))]
    return [path]


RECORD = sample_reports.promoted().deployment
HASH = evidence_hash(RECORD)
BOARD = json.loads(RECORD.boards[0].model_dump_json(include={"evidence", "verdict"}))
NUMBERS = [
    path
    for path in _leaves(BOARD)
    if (value := functools.reduce(lambda at, name: at[name], path, BOARD)) is not None
    and isinstance(value, (int, float))
    and not isinstance(value, bool)
]


@given(path=st.sampled_from(NUMBERS))
def test_any_other_figure_of_the_evidence_or_the_verdict_is_another_hash(path: tuple[Any, ...]) -> None:
    record = json.loads(RECORD.model_dump_json())
    *way, last = path
    part = record["boards"][0]
    for name in way:
        part = part[name]
    part[last] = part[last] + 1
    try:
        altered = Deployment.model_validate_json(json.dumps(record))
    except ValueError:
        return
    assert evidence_hash(altered) != HASH


def test_the_evidence_hash_is_that_of_what_was_written_and_read() -> None:
    again = Deployment.model_validate_json(RECORD.model_dump_json(indent=2))
    assert evidence_hash(again) == HASH


def test_the_evidence_hash_stays_what_it_was() -> None:
    """A release is verified years later: what a field is added to gets null there, and null is no part of the hash."""
    kept = Path(__file__).parents[1] / "report" / "kept" / "version-2.json"
    deployment = Deployment.model_validate(json.loads(kept.read_text())["deployment"])
    assert evidence_hash(deployment) == "4428a14844f0133a1c46e4a30d8047a7be19d18e2154b908225f5bb0672d366c"


def test_production_and_times_are_no_part_of_it() -> None:
    other = RECORD.model_copy(update={"outcome": "refused", "steps": [], "boards": list(RECORD.boards)})
    other.boards[-1] = other.boards[-1].model_copy(update={"evidence": None, "verdict": None})
    assert evidence_hash(other) == HASH
    fewer = RECORD.model_copy(update={"boards": RECORD.boards[1:]})
    assert evidence_hash(fewer) != HASH


def test_what_lies_beside_a_release_is_found(
    bundle: Bundle, deployment: Deployment, signing_key: SigningKey, other_key: SigningKey
) -> None:
    assert check_attestation(bundle, signing_key.public_pem).code == "attestation.none"
    write_attestation(bundle, deployment, signing_key)
    found = check_attestation(bundle, signing_key.public_pem)
    assert (found.code, "not kept here" in in_words(found)) == ("attestation.holds", True)
    (bundle.folder / RECORD_FILE).write_text(deployment.model_dump_json())
    found = check_attestation(bundle, signing_key.public_pem)
    assert in_words(found) == f"accepted by staging-1 and staging-2, evidence {evidence_hash(deployment)}"
    assert check_attestation(bundle, other_key.public_pem).code == "attestation.fails"


def test_altered_evidence_beside_a_release_is_found(
    bundle: Bundle, deployment: Deployment, signing_key: SigningKey
) -> None:
    write_attestation(bundle, deployment, signing_key)
    record = json.loads(deployment.model_dump_json())
    record["boards"][0]["evidence"]["arena_used"] += 1
    (bundle.folder / RECORD_FILE).write_text(json.dumps(record))
    found = check_attestation(bundle, signing_key.public_pem)
    assert found.code == "attestation.fails"
    assert "attested is" in in_words(found)


def test_one_that_cannot_be_written_is_a_warning(
    bundle: Bundle, deployment: Deployment, signing_key: SigningKey, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = dataclasses.replace(bundle, folder=bundle.folder / "gone")
    write_attestation(nowhere, deployment, signing_key)
    assert "attestation.json, is not written" in caplog.text
    assert attestation_for_report(nowhere, deployment) is None


def test_a_damaged_one_is_left_out_of_the_report_with_a_warning(
    bundle: Bundle, deployment: Deployment, signing_key: SigningKey, caplog: pytest.LogCaptureFixture
) -> None:
    write_attestation(bundle, deployment, signing_key)
    assert attestation_for_report(bundle, deployment) is not None
    (bundle.folder / ATTESTATION_FILE).write_text("{")
    assert attestation_for_report(bundle, deployment) is None
    assert "the attestation in the report is not written" in caplog.text


def test_the_documented_program_finds_the_hash(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "attestation.md").read_text()
    program = page.partition("```python\n")[2].partition("```")[0]
    (tmp_path / "report.json").write_text(sample_reports.promoted().model_dump_json(indent=2))
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == HASH
