"""From a candidate to the boards: sign it, store it, deploy it, keep the record. One call for every way to push."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.boards.bench import Bench
from edge_deployer.boards.journal import Watcher
from edge_deployer.boards.record import Step
from edge_deployer.ending import run_to_end
from edge_deployer.errors import TinyopsError
from edge_deployer.inventory.inventory import load_inventory
from edge_deployer.inventory.leases import NONE, Patience
from edge_deployer.locks import exclusive
from edge_deployer.release.bundle import Bundle, Candidate
from edge_deployer.release.keys import signing_key
from edge_deployer.release.store import RECORD_FILE, ReleaseStore
from edge_deployer.release.version import check_version
from edge_deployer.rollout.controller import RolloutController
from edge_deployer.rollout.deployment import Deployment
from edge_deployer.rollout.filing import file_outcome, read_promotion
from edge_deployer.rollout.strategy import DEFAULT, Strategy
from edge_deployer.rollout.terms import RolloutTerms


@dataclass(frozen=True)
class ReleaseLine:
    """Where releases are kept, what signs them, and which boards they go to."""

    workspace: Path  # Folder for the release store, virtual boards and the development key.
    inventory: Path | None  # Inventory file; None for the shipped virtual boards.
    # Private key file; None for the environment's key, or else a development key that is made in the workspace.
    signing_key: Path | None
    plan: AcceptancePlan  # What acceptance asks.
    version: str  # ``major.minor.revision`` of new releases.
    # Whether a release of another task, input shape or number of outputs may take production's place.
    replace: bool = False
    strategy: Strategy = DEFAULT  # How production gets a release.
    patience: Patience = NONE  # How long to wait for boards that somebody else holds.
    approved: tuple[str, str] | None = None  # Who has approved that there is no way back below a floor, and why.
    take_over: bool = False  # Whether boards are taken whose epoch another workspace has raised.

    def push(self, candidate: Candidate, watcher: Watcher | None = None) -> tuple[Deployment, Bundle]:
        """Release a candidate and deploy it. Pushing the same candidate twice changes nothing.

        Raises:
            TinyopsError: the version, the inventory, the strategy or the key is wrong, the plan cannot come to a
                verdict, another command releases from this workspace or works with the boards, a file cannot be used,
                or the virtual boards cannot run here.
            Ended: a signal was heard, see `run_to_end`; the boards are in order, and it says what they run.
        """
        version = check_version(self.version)
        inventory = load_inventory(self.inventory)
        self._require_no_approval()
        key = signing_key(self.workspace, self.signing_key)
        store = ReleaseStore(self.workspace / "releases")
        busy = f"another command releases from {self.workspace}"
        with exclusive(self.workspace / "releases" / "lock", busy=busy, wait_s=self.patience.seconds):
            bundle = store.release(candidate, version=version, key=key)
        promotion = read_promotion(bundle.folder / RECORD_FILE, store.set_aside)
        bench = Bench(inventory, self.workspace, self.patience, self.take_over, key.public_pem)
        terms = RolloutTerms(
            acceptance=self.plan,
            strategy=self.strategy,
            by=f"push of {bundle.release_id}",
            inventory=str(self.inventory.absolute()) if self.inventory else None,
            accepted_by=promotion.plan if promotion else None,
            takes_back=True,
            replace=self.replace,
            approved=self.approved,
        )
        with closing(RolloutController(bench, watcher)) as controller:
            rollout = run_to_end(controller.start(bundle, terms))
            deployment = controller.deployment(rollout, bundle)
        at = deployment.started
        before = [Step(at=at, board="workspace", action="moved aside", detail=said) for said in store.set_aside]
        deployment.steps = [*before, *deployment.steps]
        by = f"{rollout.plan.id}, {rollout.plan.by}"
        file_outcome(store, bundle, deployment, key, by=by, fleet=bench.fleet, promotion=promotion)
        return deployment, bundle

    def _require_no_approval(self) -> None:
        if self.strategy.waits_for_approval:
            raise TinyopsError(
                "the strategy waits for an approval between waves, and a push ends when its command does",
                remedy="take `approval` out of the strategy, or roll the release out with `tinyops rollout start`",
            )
