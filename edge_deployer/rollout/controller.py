"""The controller: may this release go to these boards at all, and what became of it?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path

from edge_deployer.acceptance.feasibility import require_feasible, require_times
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.boards.fleet import what_boards_run
from edge_deployer.boards.journal import Journal, Watcher
from edge_deployer.boards.record import BoardRecord
from edge_deployer.boards.trial import Trial
from edge_deployer.ending import CutShort
from edge_deployer.errors import TinyopsError
from edge_deployer.finding import Finding
from edge_deployer.inventory.bench import powered
from edge_deployer.inventory.inventory import Inventory, board_profile
from edge_deployer.inventory.quarantine import Quarantine
from edge_deployer.release.bundle import Bundle
from edge_deployer.release.fit import misfit
from edge_deployer.release.image import read_image
from edge_deployer.release.keys import load_public_key
from edge_deployer.rollout.deployment import Deployment, describe_release
from edge_deployer.rollout.promotion import Promotion, Stop, TaskOf
from edge_deployer.rollout.refusals import AnotherKey


class RolloutController:
    """Deploys releases to the boards of one inventory.

    Args:
        inventory: the boards.
        plan: what acceptance asks.
        boards_folder: where virtual boards keep their flash, and who is in quarantine.
        watcher: follows every deployment.
        releases: ids of the releases that are known, by the hex hash of their image.
    """

    def __init__(
        self,
        inventory: Inventory,
        plan: AcceptancePlan,
        boards_folder: Path,
        watcher: Watcher | None = None,
        releases: Mapping[str, str] | None = None,
    ) -> None:
        self._inventory = inventory
        self._plan = plan
        self._boards_folder = boards_folder
        self._quarantine = Quarantine(boards_folder)
        self._watcher = watcher
        self._releases = dict(releases or {})

    async def deploy(
        self,
        bundle: Bundle,
        *,
        public_pem: bytes,
        accepted_by: AcceptancePlan | None = None,
        task_of: TaskOf | None = None,
        below_floor: Callable[[bytes], Finding | None] | None = None,
    ) -> Deployment:
        """Take a release through staging and, if it is accepted, to every production board.

        Pushing a release that production already runs changes nothing on any board: it is examined again if the plan
        has changed, and not even that otherwise. A refusal is a result, not an error.

        Args:
            bundle: the release.
            public_pem: key that a virtual board is given when it is powered for the first time.
            accepted_by: the plan by which this release was promoted before; None if it never was.
            task_of: the task of the release with an image hash, for production not to be given a release of another
                one; None: whatever production runs may be replaced.
            below_floor: what is to be said against an image because of the store's security floor, if anything; None
                where there is no store.

        Raises:
            TinyopsError: the plan cannot come to a verdict, or the boards cannot be tried for a reason that lies on
                this machine. No board was touched.
            CutShort: it was cancelled; the boards are in order, and what they run is said.
        """
        trial = Trial.of(bundle, self._plan)
        require_feasible(
            self._plan,
            trial.reference,
            profiles=self._inventory.profile_names,
            boards=self._inventory.wanted_staging,
        )
        virtual = {board_profile(entry).name for entry in self._inventory.boards if entry.virtual}
        require_times(self._plan, virtual, bundle.image.payload)
        journal = Journal(self._watcher)
        deployment = self._open_record(bundle, journal)
        try:
            self._check_signature(bundle)
            if below_floor and (found := below_floor(bundle.image.data)):
                raise Stop("signature", found)
            self._check_room(bundle)
            promotion = Promotion(self._inventory, trial, deployment, journal, self._quarantine, task_of)
            async with powered(self._inventory, self._boards_folder, public_pem=public_pem) as urls:
                changed = await promotion.run(urls, is_accepted=accepted_by == self._plan)
            deployment.outcome = "promoted" if changed else "unchanged"
        except Stop as stop:
            deployment.outcome, deployment.gate, deployment.reason = stop.outcome, stop.gate, stop.reason
        except asyncio.CancelledError:
            raise CutShort(what_boards_run(deployment.boards, self._releases)) from None
        deployment.steps = journal.steps
        deployment.finished = _now()
        return deployment

    def _open_record(self, bundle: Bundle, journal: Journal) -> Deployment:
        confined = self._quarantine.boards()
        records = [
            BoardRecord(
                name=entry.name,
                pool=entry.pool,
                profile=entry.profile,
                virtual=entry.virtual,
                spare=entry.spare,
                quarantined=confined[entry.name].reason if entry.name in confined else None,
                answer="not asked",
            )
            for entry in self._inventory.boards
        ]
        return Deployment(
            outcome="refused",
            release=describe_release(bundle),
            plan=self._plan,
            boards=records,
            releases=self._releases,
            steps=journal.steps,
            started=_now(),
            finished=_now(),
        )

    def _check_signature(self, bundle: Bundle) -> None:
        if self._inventory.public_key is None:
            return
        trusted = load_public_key(self._inventory.public_key)
        try:
            read_image(bundle.image.data, public_pem=trusted)
        except TinyopsError as error:
            key = str(self._inventory.public_key)
            raise Stop("signature", AnotherKey(release=bundle.release_id, key=key, message=error.message)) from error

    def _check_room(self, bundle: Bundle) -> None:
        for entry in self._inventory.boards:
            profile = board_profile(entry)
            found = misfit(
                profile,
                board=f"{entry.name} ({profile.name})",
                image_bytes=len(bundle.image.data),
                arena_bytes=bundle.manifest.arena_bytes,
            )
            if found:
                raise Stop("boards", found)


def _now() -> datetime:
    return datetime.now(timezone.utc)
