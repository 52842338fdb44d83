"""What the commands of `tinyops rollout` share: the boards, the controller, and how a rollout that ended is filed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_deployer.acceptance.plan import load_plan
from edge_deployer.boards.bench import Bench
from edge_deployer.boards.journal import Watcher
from edge_deployer.cli.progress import BoardProgress
from edge_deployer.cli.rollout.watching import known_rollout
from edge_deployer.cli.user import approved_by_user
from edge_deployer.cli.waiting import patience_of
from edge_deployer.ending import run_to_end
from edge_deployer.errors import TinyopsError
from edge_deployer.release.bundle import Bundle
from edge_deployer.release.keys import signing_key
from edge_deployer.release.store import RECORD_FILE
from edge_deployer.report.facts import Report
from edge_deployer.report.folders import new_report_folder
from edge_deployer.report.html import write_report
from edge_deployer.report.pictures import sample_pictures
from edge_deployer.rollout.controller import RolloutController
from edge_deployer.rollout.deployment import Deployment
from edge_deployer.rollout.filing import file_outcome, read_promotion
from edge_deployer.rollout.record import Progress
from edge_deployer.rollout.strategy import load_strategy
from edge_deployer.rollout.terms import RolloutTerms


@dataclass(frozen=True)
class Desk:
    """The boards of an inventory and the workspace, as a command names them."""

    bench: Bench
    inventory: Path | None

    @classmethod
    def of(cls, inventory: Path | None, workspace: Path, *, wait_minutes: float = 0.0, take_over: bool = False) -> Desk:
        """Read the inventory.

        Raises:
            TinyopsError: see `Bench.load`.
        """
        return cls(Bench.load(inventory, workspace, patience_of(wait_minutes), take_over=take_over), inventory)

    @classmethod
    def of_rollout(
        cls,
        rollout: str,
        inventory: Path | None,
        workspace: Path,
        *,
        wait_minutes: float = 0.0,
        take_over: bool = False,
    ) -> Desk:
        """The inventory that a rollout began with, unless another is named.

        Raises:
            TinyopsError: there is no such rollout, or see `Bench.load`.
        """
        began_with = known_rollout(workspace, rollout).plan.inventory
        named = inventory or (Path(began_with) if began_with else None)
        return cls.of(named, workspace, wait_minutes=wait_minutes, take_over=take_over)

    @contextmanager
    def controller(self, watcher: Watcher | None = None) -> Iterator[RolloutController]:
        """The controller of the workspace's rollouts."""
        with closing(RolloutController(self.bench, watcher)) as controller:
            yield controller

    def release(self, name: str) -> Bundle:
        """A release of the workspace, verified.

        Raises:
            TinyopsError: there is none, a part of it was altered, or no key that is trusted has signed it.
        """
        store = self.bench.releases
        known = store.named(name)
        if known is None:
            raise store.unknown(name)
        found = self.bench.release(known.image_hash)
        if found is None:
            raise TinyopsError(
                f"release {name} is not signed with a key that is trusted here",
                remedy="name the public half of the key that signed it as `public_key` in the inventory",
            )
        return found

    def terms(
        self, bundle: Bundle, plan: Path | None, strategy: Path | None, *, replaces: bool, approve: str | None
    ) -> RolloutTerms:
        """How a release is to be rolled out.

        Raises:
            TinyopsError: plan or strategy cannot be read.
        """
        promotion = read_promotion(bundle.folder / RECORD_FILE, [])
        return RolloutTerms(
            acceptance=load_plan(plan),
            strategy=load_strategy(strategy),
            by=f"rollout of {bundle.release_id}",
            inventory=str(self.inventory.absolute()) if self.inventory else None,
            accepted_by=promotion.plan if promotion else None,
            replace=replaces,
            approved=approved_by_user(approve),
        )

    def drive(
        self, work: Callable[[RolloutController], Coroutine[None, None, Progress]], key: Path | None, *, quiet: bool
    ) -> tuple[Progress, Deployment | None, Callable[[], Path]]:
        """Work on a rollout and show it; returns how far it is, its record if it has ended, and what writes the report.

        Raises:
            TinyopsError: see `RolloutController`.
            Ended: a signal was heard; it says what the boards run.
        """
        with BoardProgress(quiet=quiet) as progress, self.controller(progress) as controller:
            rollout = run_to_end(work(controller))
            if rollout.state != "ended":
                return rollout, None, _nothing_to_report
            bundle = self.release(rollout.plan.release.image_hash)
            deployment = controller.deployment(rollout, bundle)
            promotion = read_promotion(bundle.folder / RECORD_FILE, [])
            signer = signing_key(self.bench.workspace, key)
            store, fleet = self.bench.releases, self.bench.fleet
            by = f"{rollout.plan.id}, {rollout.plan.by}"
            file_outcome(store, bundle, deployment, signer, by=by, fleet=fleet, promotion=promotion)
        return rollout, deployment, lambda: self._report(deployment, bundle)

    def _report(self, deployment: Deployment, bundle: Bundle) -> Path:
        report = Report(title=bundle.manifest.name, deployment=deployment)
        report.samples = sample_pictures(bundle.acceptance, deployment)
        return write_report(report, new_report_folder(self.bench.workspace))


def _nothing_to_report() -> Path:
    raise AssertionError("a rollout that has not ended has no report")
