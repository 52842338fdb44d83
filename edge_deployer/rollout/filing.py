"""What is kept of a rollout that has ended: its record, the release's stage and attestation, the trail's head."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Final

from edge_deployer.boards.trail import Head, Trail
from edge_deployer.errors import TinyopsError
from edge_deployer.files import DamagedFile, checking, exists, move_aside, read_file, read_record, write_file
from edge_deployer.paperwork import paperwork
from edge_deployer.release.bundle import Bundle
from edge_deployer.release.dsse import open_envelope, sign
from edge_deployer.release.keys import SigningKey
from edge_deployer.release.store import RECORD_FILE, ReleaseStore
from edge_deployer.rollout.attesting import write_attestation
from edge_deployer.rollout.deployment import Deployment
from edge_deployer.rollout.stage_record import change_in_production, record_stage

HEAD_FILE: Final = "head.json"
"""Beside the trail: its last entry when a rollout last ended, signed. A copy kept elsewhere shows a trail cut short."""

HEAD_TYPE: Final = "application/vnd.tinyops.trail-head+json"
_REMEDY = "make the workspace writable"


def read_promotion(record: Path, set_aside: list[str]) -> Deployment | None:
    """How a release was promoted; None if it never was, or if its record is damaged or another version's.

    Then it is examined again. The record is moved aside, and `set_aside` gets a sentence that says so.
    """
    if not exists(record, f"record {record}"):
        return None
    try:
        return read_record(Deployment, record, f"record {record}", remedy="the release is examined again")
    except DamagedFile as damage:
        set_aside.append(move_aside(record, damage, then="the release is examined again"))
        return None


def file_outcome(
    store: ReleaseStore,
    bundle: Bundle,
    deployment: Deployment,
    key: SigningKey,
    *,
    by: str,
    fleet: Path,
    promotion: Deployment | None,
) -> None:
    """Write down what a rollout came to. What cannot be written is a warning: it changes no outcome.

    Args:
        store: has the release.
        bundle: the release.
        deployment: how it fared; gets what it changes, and where nothing was asked of a board, the evidence of before.
        key: signs.
        by: what brought the release so far, in words.
        fleet: folder of the trail.
        promotion: how the release was promoted before; None if it never was.
    """
    is_examined = any(board.evidence for board in deployment.boards)
    if is_examined:
        write_attestation(bundle, deployment, key)
    with paperwork(f"the stage of {bundle.release_id}"):
        record_stage(store, deployment, bundle, by=by)
    with paperwork("the signed head of the trail"):
        _write_head(fleet, key)
    if not deployment.pushed:
        return
    with paperwork(f"what {bundle.release_id} changes"):
        deployment.change = change_in_production(store, deployment, bundle, public_pem=key.public_pem)
    if is_examined:
        record = bundle.folder / RECORD_FILE
        with paperwork(f"the record of the promotion, {record},"):
            write_file(record, deployment.model_dump_json(indent=2).encode(), remedy=_REMEDY)
    elif promotion:
        _restate_evidence(deployment, promotion)


def read_head(data: bytes, public_pem: bytes, what: str) -> Head:
    """A signed head.

    Raises:
        TinyopsError: it is none, or none of the keys has signed it.
    """
    kind, payload = open_envelope(data, public_pem, what)
    if kind != HEAD_TYPE:
        raise TinyopsError(f"{what} is a signed {kind}, and no head of a trail", remedy=f"give a copy of {HEAD_FILE}")
    with checking(what, remedy=f"give a copy of {HEAD_FILE}"):
        return Head(**json.loads(payload))


def head_file(fleet: Path) -> bytes | None:
    """The signed head that lies beside the trail; None if there is none."""
    path = fleet / HEAD_FILE
    return read_file(path, f"head {path}") if exists(path, f"head {path}") else None


def _write_head(fleet: Path, key: SigningKey) -> None:
    with closing(Trail(fleet)) as trail:
        head = trail.head()
    if head is not None:
        payload = json.dumps({"seq": head.seq, "hash": head.hash}).encode()
        write_file(fleet / HEAD_FILE, sign(HEAD_TYPE, payload, key), remedy=_REMEDY)


def _restate_evidence(deployment: Deployment, promotion: Deployment) -> None:
    """An unchanged release rests on the evidence of its promotion: show that, of the boards that are still there."""
    deployment.reference, deployment.change = promotion.reference, promotion.change
    if _staging_roles(deployment) == _staging_roles(promotion):
        deployment.staging = promotion.staging
    earlier = {board.name: board for board in promotion.boards}
    for board in deployment.boards:
        if board.name in earlier:
            board.evidence = earlier[board.name].evidence
            board.verdict = earlier[board.name].verdict
            board.install_seconds = earlier[board.name].install_seconds


def _staging_roles(deployment: Deployment) -> list[tuple[str, bool]]:
    """What the pool's verdict rests on beside evidence: which boards there are, and which of them are spares."""
    return [(board.name, board.spare) for board in deployment.boards if board.pool == "staging"]
