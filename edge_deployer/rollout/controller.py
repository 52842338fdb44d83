"""The controller: staging, acceptance, production, one release at a time.

It keeps a session open with every board for the whole deployment, so that nobody else can change a board in between. A
board is confirmed only after its pool's verdict; until then a reset takes it back to the release it had.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import datetime, timezone
from pathlib import Path
from typing import NoReturn

from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.verdict import BoardVerdict, judge_pool
from edge_deployer.errors import TinyopsError
from edge_deployer.inventory.bench import powered
from edge_deployer.inventory.inventory import Inventory, board_profile
from edge_deployer.release.bundle import Bundle
from edge_deployer.release.image import read_image
from edge_deployer.release.keys import load_public_key
from edge_deployer.rollout.board import Board
from edge_deployer.rollout.deployment import BoardRecord, Deployment, Gate, describe_release
from edge_deployer.rollout.journal import Journal, Watcher
from edge_deployer.session import DeviceSession, SessionError


class _Refusal(Exception):
    """Ends a deployment: the release does not go on."""

    def __init__(self, gate: Gate, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.gate = gate
        self.reason = reason
        self.remedy = remedy


class RolloutController:
    """Deploys releases to the boards of one inventory.

    Args:
        inventory: the boards.
        plan: what acceptance asks.
        boards_folder: where virtual boards keep their flash.
        watcher: follows every deployment.
    """

    def __init__(
        self, inventory: Inventory, plan: AcceptancePlan, boards_folder: Path, watcher: Watcher | None = None
    ) -> None:
        self._inventory = inventory
        self._plan = plan
        self._boards_folder = boards_folder
        self._watcher = watcher

    async def deploy(
        self, bundle: Bundle, *, public_pem: bytes, accepted_by: AcceptancePlan | None = None
    ) -> Deployment:
        """Take a release through staging and, if it is accepted, to every production board.

        Pushing a release that production already runs changes nothing on any board: it is examined again if the plan
        has changed, and not even that otherwise. A refusal is a result, not an error.

        Args:
            bundle: the release.
            public_pem: key that a virtual board is given when it is powered for the first time.
            accepted_by: the plan by which this release was promoted before; None if it never was.

        Raises:
            TinyopsError: the boards cannot be tried for a reason that lies on this machine.
        """
        journal = Journal(self._watcher)
        records = [
            BoardRecord(name=entry.name, pool=entry.pool, profile=entry.profile, virtual=entry.virtual)
            for entry in self._inventory.boards
        ]
        deployment = Deployment(
            outcome="refused",
            reason="",
            release=describe_release(bundle),
            plan=self._plan,
            boards=records,
            steps=journal.steps,
            started=_now(),
            finished=_now(),
        )
        try:
            self._check_signature(bundle)
            self._check_room(bundle)
            async with powered(self._inventory, self._boards_folder, public_pem=public_pem) as urls:
                changed = await self._try_boards(bundle, records, journal, urls, is_accepted=accepted_by == self._plan)
            deployment.outcome = "promoted" if changed else "unchanged"
            deployment.reason = self._success(bundle, changed)
        except _Refusal as refusal:
            deployment.gate, deployment.reason, deployment.remedy = refusal.gate, refusal.reason, refusal.remedy
        deployment.steps = journal.steps
        deployment.finished = _now()
        return deployment

    def _check_signature(self, bundle: Bundle) -> None:
        if self._inventory.public_key is None:
            return
        trusted = load_public_key(self._inventory.public_key)
        try:
            read_image(bundle.image.data, public_pem=trusted)
        except TinyopsError as error:
            raise _Refusal(
                "signature",
                f"{bundle.release_id} is not signed with the key of the inventory, {self._inventory.public_key}: "
                f"{error.message}",
                "sign with the private half of that key, or correct `public_key` in the inventory",
            ) from error

    def _check_room(self, bundle: Bundle) -> None:
        for entry in self._inventory.boards:
            profile = board_profile(entry)
            if len(bundle.image.data) > profile.image_bytes:
                raise _Refusal(
                    "boards",
                    f"the release image has {len(bundle.image.data):,} bytes; a slot of {entry.name} "
                    f"({profile.name}) holds {profile.image_bytes:,}",
                    "make the model smaller, or take the board out of the inventory",
                )
            if bundle.manifest.arena_bytes > profile.arena_bytes:
                raise _Refusal(
                    "boards",
                    f"the model needs an arena of {bundle.manifest.arena_bytes:,} bytes; {entry.name} "
                    f"({profile.name}) has {profile.arena_bytes:,}",
                    "make the model's activations smaller, or take the board out of the inventory",
                )

    async def _try_boards(
        self, bundle: Bundle, records: list[BoardRecord], journal: Journal, urls: dict[str, str], *, is_accepted: bool
    ) -> bool:
        """Probe every board, then release; True if a board was changed."""
        async with AsyncExitStack() as sessions:
            boards = []
            for record, entry in zip(records, self._inventory.boards, strict=True):
                profile = board_profile(entry)
                port = DeviceSession(urls[record.name], line_rate=profile.line_rate, framing=profile.framing)
                try:
                    session = await sessions.enter_async_context(port)
                    boards.append(Board(session, record, journal))
                    await boards[-1].probe()
                except SessionError as error:
                    raise _Refusal("boards", f"{record.name}: {error.message}", error.remedy) from error
            try:
                await self._release(boards, bundle, is_accepted=is_accepted)
            finally:
                # Whatever ended this, Ctrl-C too: what was confirmed stays, what is on trial does not.
                for board in boards:
                    if board.is_on_trial:
                        await board.take_back()
            return any(board.was_changed for board in boards)

    async def _release(self, boards: list[Board], bundle: Bundle, *, is_accepted: bool) -> None:
        """Staging, then production, one board after the other."""
        staging = [board for board in boards if board.record.pool == "staging"]
        production = [board for board in boards if board.record.pool == "production"]
        if is_accepted and all(board.runs(bundle) for board in production):
            for board in production:
                await board.confirm(bundle)
            return
        verdicts = await asyncio.gather(*(board.try_release(bundle, self._plan) for board in staging))
        await self._settle(staging, bundle, verdicts, "staging")
        for number, board in enumerate(production, start=1):
            verdict = await board.try_release(bundle, self._plan)
            await self._settle([*staging, *production[:number]], bundle, [verdict], "production")
        for board in boards:
            await self._confirm(board, bundle, boards, "production")

    async def _settle(self, boards: list[Board], bundle: Bundle, verdicts: list[BoardVerdict], gate: Gate) -> None:
        """Confirm the release on the boards if the verdicts allow it; otherwise take all of them back.

        A board without an earlier release stays on trial until the last board has accepted: once it is confirmed, there
        is nothing to go back to.
        """
        verdict = judge_pool(verdicts)
        if not verdict.accepted:
            await self._take_back(boards, gate, verdict.reason)
        for board in boards:
            if board.can_be_rolled_back:
                await self._confirm(board, bundle, boards, gate)

    async def _confirm(self, board: Board, bundle: Bundle, boards: list[Board], gate: Gate) -> None:
        try:
            await board.confirm(bundle)
        except SessionError as error:
            await self._take_back(boards, gate, f"{board.record.name} did not confirm the release: {error.message}")

    async def _take_back(self, boards: list[Board], gate: Gate, reason: str) -> NoReturn:
        for board in boards:
            await board.take_back()
        raise _Refusal(gate, reason, _remedy(boards))

    def _success(self, bundle: Bundle, changed: bool) -> str:
        count = len(self._inventory.pool("production"))
        if changed:
            return f"{bundle.release_id} passed staging and runs on all {count} production boards"
        return f"{bundle.release_id} already runs on all {count} production boards; nothing was changed"


def _remedy(boards: list[Board]) -> str:
    stranded = [board.record.name for board in boards if board.record.outcome == "not restored"]
    if stranded:
        return f"{', '.join(stranded)} could not be taken back: read the report's steps and see to them by hand"
    return "read each board's checks in the report; every board has its earlier release"


def _now() -> datetime:
    return datetime.now(timezone.utc)
