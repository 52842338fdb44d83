"""One release on its way over the boards: staging together, production one after the other, back if it is refused.

A session is open with every board for the whole way, so that nobody else can change a board in between. A board is
confirmed only after its pool's verdict; until then a reset takes it back to the release it had.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from math import prod
from typing import Literal, NoReturn

from edge_deployer.acceptance.check import asks_for
from edge_deployer.acceptance.pool_verdict import PoolVerdict
from edge_deployer.boards.board import Board
from edge_deployer.boards.journal import Journal
from edge_deployer.boards.trial import Trial
from edge_deployer.ending import uncut
from edge_deployer.errors import TinyopsError
from edge_deployer.finding import Finding
from edge_deployer.inventory.inventory import Inventory, board_profile
from edge_deployer.inventory.quarantine import Quarantine
from edge_deployer.rollout.deployment import Deployment, Gate
from edge_deployer.rollout.refusals import (
    AnotherKindOfModel,
    BoardInTrouble,
    InQuarantine,
    LeftOut,
    NotConfirmed,
    TooFewBoards,
)
from edge_deployer.rollout.staging import StagingPool
from edge_deployer.session import DeviceSession, InUse, SessionError
from edge_deployer.task_name import TaskName
from edge_deployer.transport.board_transport import open_transport

TaskOf = Callable[[str], TaskName | None]
"""The task of the release with an image hash; None where nobody knows."""


class Stop(Exception):
    """Ends a deployment: the release does not go on.

    Attributes:
        gate: where it stops.
        reason: why; None where verdicts say it.
        outcome: of the deployment.
    """

    def __init__(
        self, gate: Gate, reason: Finding | None, outcome: Literal["refused", "no verdict"] = "refused"
    ) -> None:
        super().__init__(gate)
        self.gate = gate
        self.reason = reason
        self.outcome = outcome


class Promotion:
    """Takes a release over the boards of an inventory.

    Args:
        inventory: the boards, in the order of the deployment's records.
        trial: the release and its terms.
        deployment: the record that is kept.
        journal: where every step goes.
        quarantine: of the workspace.
        task_of: the task of the release with an image hash, None where nobody knows; None: production's is not asked
            for.
    """

    def __init__(
        self,
        inventory: Inventory,
        trial: Trial,
        deployment: Deployment,
        journal: Journal,
        quarantine: Quarantine,
        task_of: TaskOf | None = None,
    ) -> None:
        self._inventory, self._trial, self._deployment = inventory, trial, deployment
        self._journal, self._quarantine, self._task_of = journal, quarantine, task_of
        self._touched: list[Board] = []
        self._confined: set[str] = set()
        self._absent: list[Finding] = []
        self._is_refused = False

    async def run(self, urls: Mapping[str, str], *, is_accepted: bool) -> bool:
        """Release; True if a board was changed.

        Args:
            urls: of every board, by name.
            is_accepted: whether the release was promoted by the same plan before: if production runs it still, then
                nothing is to do.

        Raises:
            Stop: the release does not go on; every board is as it was, or the record says which is not.
            TinyopsError: somebody else holds a board's port; no board was changed.
        """
        async with AsyncExitStack() as sessions:
            boards = await self._open(urls, sessions)
            production = [board for board in boards if board.record.pool == "production"]
            if is_accepted and all(board.runs(self._trial.bundle) for board in production):
                for board in production:
                    await board.confirm(self._trial.bundle)
                return False
            self._require_healthy(boards)
            if self._task_of is not None:
                for board in production:
                    await self._require_same_work(board, self._task_of)
            try:
                await self._release(boards, production)
            finally:
                # Whatever ended this, a signal too.
                await uncut(self._put_back(boards))
            return any(board.was_changed for board in boards)

    async def _put_back(self, boards: Sequence[Board]) -> None:
        """What was confirmed stays, unless it was being taken back already; what is on trial does not."""
        for board in boards:
            if board.is_on_trial or (self._is_refused and board in self._touched):
                await board.take_back()

    async def _open(self, urls: Mapping[str, str], sessions: AsyncExitStack) -> list[Board]:
        """Sessions with the boards that are not in quarantine. A staging board that does not answer is left out."""
        boards = []
        for record, entry in zip(self._deployment.boards, self._inventory.boards, strict=True):
            if record.quarantined and record.pool == "production":
                raise Stop("boards", InQuarantine(board=record.name, reason=record.quarantined))
            if record.quarantined:
                self._journal.note(record.name, "in quarantine", finding=record.quarantined)
                self._absent.append(InQuarantine(board=record.name, reason=record.quarantined))
                continue
            profile = board_profile(entry)
            port = DeviceSession(open_transport(urls[record.name], profile))
            try:
                board = Board(await sessions.enter_async_context(port), record, profile, self._journal)
                await board.probe()
            except InUse as error:
                # Somebody else's work with the board says nothing against the release.
                raise TinyopsError(f"{record.name}: {error.message}", remedy=error.remedy) from error
            except SessionError as error:
                record.answer = "silent"
                if record.pool == "production":
                    trouble = BoardInTrouble(board=record.name, message=error.message, help=error.remedy)
                    raise Stop("boards", trouble) from error
                self._journal.note(record.name, "left out", error.message)
                self._absent.append(LeftOut(board=record.name, message=error.message))
                continue
            boards.append(board)
        return boards

    def _require_healthy(self, boards: Sequence[Board]) -> None:
        """Stop before anything is installed where staging has too few boards for a verdict."""
        quorum = self._trial.plan.quorum_of(self._inventory.wanted_staging)
        staging = {board.record.name for board in boards if board.record.pool == "staging"}
        if len(staging) >= quorum and not self._absent_profiles(staging):
            return
        missing = max(1, quorum - len(staging))
        raise Stop("boards", TooFewBoards(quorum=quorum, missing=missing, absent=tuple(self._absent)), "no verdict")

    async def _require_same_work(self, board: Board, task_of: TaskOf) -> None:
        """Stop before anything is installed where a production board's model does something else.

        A model that cannot be asked may be replaced by any other.
        """
        image = board.record.image_after
        if image is None or board.runs(self._trial.bundle):
            return
        info = await board.model_in_production()
        if info is None:
            return
        ours, task = self._trial.bundle.acceptance, task_of(image)
        pairs: list[tuple[str, object, object]] = [
            ("input shape", list(info.input.sample_shape), list(ours.input.sample_shape)),
            ("number of outputs", prod(info.output.sample_shape), prod(ours.output.sample_shape)),
        ]
        if task is not None and ours.task is not None:
            pairs.append(("task", task, ours.task.name))
        differences = tuple((what, str(theirs), str(its)) for what, theirs, its in pairs if theirs != its)
        if differences:
            raise Stop("boards", AnotherKindOfModel(board=board.record.name, differences=differences))

    def _absent_profiles(self, staging: Collection[str]) -> set[str]:
        """Profiles of the staging pool of which no board takes part."""
        entries = self._inventory.pool("staging")
        return {entry.profile for entry in entries} - {entry.profile for entry in entries if entry.name in staging}

    async def _release(self, boards: Sequence[Board], production: Sequence[Board]) -> None:
        staging = self._staging_pool(boards, production)
        self._deployment.reference = self._trial.reference
        self._touched = staging.tried
        await self._settle(staging, await staging.try_release())
        # A board without an earlier release stays on trial until the last board has accepted: once it is confirmed,
        # there is nothing to go back to.
        await self._keep(staging, first_releases=False)
        precedents = [board.examined.evidence for board in staging.accepting]
        for board in production:
            self._touched = [*self._touched, board]
            verdict = await board.try_release(self._trial, staging=precedents)
            if not verdict.accepted:
                await self._take_back("production")
            if board.can_be_rolled_back:
                await self._confirm(board, "production")
        await self._keep(staging, first_releases=True)
        for board in production:
            await self._confirm(board, "production")

    def _staging_pool(self, boards: Sequence[Board], production: Sequence[Board]) -> StagingPool:
        staging = [board for board in boards if board.record.pool == "staging"]
        images = frozenset(board.record.image_after for board in production if board.record.image_after)
        return StagingPool(
            sorted(staging, key=lambda board: board.record.spare),
            self._trial,
            wanted=self._inventory.wanted_staging,
            in_production=images,
        )

    async def _settle(self, staging: StagingPool, verdict: PoolVerdict) -> None:
        """Quarantine whom the verdict does not trust; go on only if it accepts."""
        self._deployment.staging = verdict
        for board in staging.tried:
            reason = verdict.quarantined.get(board.record.name)
            if reason and board.record.name not in self._confined:
                self._confined.add(board.record.name)
                self._quarantine.confine(board.record.name, reason)
                self._journal.note(board.record.name, "quarantined", finding=reason)
                await board.take_back()
        if verdict.decision != "accepted":
            await self._take_back("staging", outcome=verdict.decision)

    async def _keep(self, staging: StagingPool, *, first_releases: bool) -> None:
        """Confirm the release on the staging boards that accept it, and see that it survives there.

        A spare stands in for a board on which it does not.
        """
        while boards := [
            board
            for board in staging.accepting
            if board.can_be_rolled_back != first_releases and not board.keeps_release
        ]:
            for board in boards:
                await self._confirm(board, "staging")
            if asks_for(self._trial.plan, "power cycle"):
                await staging.power_cycle(boards)
                await self._settle(staging, await staging.try_release())

    async def _confirm(self, board: Board, gate: Gate) -> None:
        try:
            await board.confirm(self._trial.bundle)
        except SessionError as error:
            await self._take_back(gate, NotConfirmed(board=board.record.name, message=error.message))

    async def _take_back(
        self, gate: Gate, reason: Finding | None = None, outcome: Literal["refused", "no verdict"] = "refused"
    ) -> NoReturn:
        self._is_refused = True
        for board in self._touched:
            await board.take_back()
        raise Stop(gate, reason, outcome)
