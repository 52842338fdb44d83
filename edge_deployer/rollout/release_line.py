"""From a candidate to the boards: sign it, store it, deploy it, keep the record. One call for every way to push."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.boards.journal import Watcher
from edge_deployer.boards.record import Step
from edge_deployer.ending import run_to_end
from edge_deployer.files import DamagedFile, exists, move_aside, read_record, write_file
from edge_deployer.inventory.inventory import load_inventory
from edge_deployer.locks import exclusive
from edge_deployer.paperwork import paperwork
from edge_deployer.release.bundle import Bundle, Candidate
from edge_deployer.release.keys import load_or_create_signing_key, load_signing_key
from edge_deployer.release.store import RECORD_FILE, ReleaseStore
from edge_deployer.release.version import check_version
from edge_deployer.rollout.controller import RolloutController
from edge_deployer.rollout.deployment import Deployment
from edge_deployer.rollout.stage_record import change_in_production, record_stage


@dataclass(frozen=True)
class ReleaseLine:
    """Where releases are kept, what signs them, and which boards they go to."""

    workspace: Path  # Folder for the release store, virtual boards and the development key.
    inventory: Path | None  # Inventory file; None for the shipped virtual boards.
    # Private key file; None for a development key that is made in the workspace when first needed.
    signing_key: Path | None
    plan: AcceptancePlan  # What acceptance asks.
    version: str  # ``major.minor.revision`` of new releases.
    # Whether a release of another task, input shape or number of outputs may take production's place.
    replace: bool = False

    def push(self, candidate: Candidate, watcher: Watcher | None = None) -> tuple[Deployment, Bundle]:
        """Release a candidate and deploy it. Pushing the same candidate twice changes nothing.

        Raises:
            TinyopsError: the version, the inventory or the key is wrong, the plan cannot come to a verdict, another
                command releases from this workspace, a file in it cannot be used, or the virtual boards cannot run
                here.
            Ended: a signal was heard, see `run_to_end`; the boards are in order, and it says what they run.
        """
        version = check_version(self.version)
        inventory = load_inventory(self.inventory)
        given_key = load_signing_key(self.signing_key) if self.signing_key else None
        # It may have to be migrated, which takes the same lock.
        store = ReleaseStore(self.workspace / "releases")
        with exclusive(self.workspace / "releases" / "lock", busy=f"another command releases from {self.workspace}"):
            key = given_key or load_or_create_signing_key(self.workspace / "keys" / "signing.pem")
            bundle = store.release(candidate, version=version, key=key)
            record = bundle.folder / RECORD_FILE
            promotion = _read_promotion(record, store.set_aside)
            controller = RolloutController(inventory, self.plan, self.workspace / "boards", watcher, store.ids())
            deployment = run_to_end(
                controller.deploy(
                    bundle,
                    public_pem=key.public_pem,
                    accepted_by=promotion.plan if promotion else None,
                    task_of=None if self.replace else store.task_of,
                    below_floor=store.below_floor,
                )
            )
            at = deployment.started
            before = [Step(at=at, board="workspace", action="moved aside", detail=said) for said in store.set_aside]
            deployment.steps = [*before, *deployment.steps]
            with paperwork(f"the stage of {bundle.release_id}"):
                record_stage(store, deployment, bundle)
            if not deployment.pushed:
                return deployment, bundle
            with paperwork(f"what {bundle.release_id} changes"):
                deployment.change = change_in_production(store, deployment, bundle, public_pem=key.public_pem)
            if any(board.evidence for board in deployment.boards):
                with paperwork(f"the record of the promotion, {record},"):
                    write_file(
                        record, deployment.model_dump_json(indent=2).encode(), remedy="make the workspace writable"
                    )
            elif promotion:
                _restate_evidence(deployment, promotion)
            return deployment, bundle


def _read_promotion(record: Path, set_aside: list[str]) -> Deployment | None:
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
