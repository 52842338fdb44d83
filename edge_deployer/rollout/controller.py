"""The controller: which rollouts there are, what becomes of each, and who may work on it.

It alone begins rollouts, goes on with them and takes them back. Nothing here knows of signals, terminals or event loops
of its own: a service may call it as a command does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timezone
from functools import lru_cache

from edge_deployer.acceptance.feasibility import require_feasible, require_times
from edge_deployer.boards.bench import Bench
from edge_deployer.boards.fleet import what_boards_run
from edge_deployer.boards.journal import Journal, Watcher
from edge_deployer.boards.trail import Trail
from edge_deployer.boards.trial import Trial
from edge_deployer.ending import CutShort
from edge_deployer.errors import TinyopsError
from edge_deployer.inventory.inventory import BoardEntry, board_profile
from edge_deployer.inventory.leases import Busy
from edge_deployer.release.bundle import Bundle
from edge_deployer.rollout.account import account_of, records_of
from edge_deployer.rollout.course import Course, Holds, Stands, Stop
from edge_deployer.rollout.decision import Wish
from edge_deployer.rollout.deployment import Deployment
from edge_deployer.rollout.earlier import latencies_before, precedents
from edge_deployer.rollout.fitness import Unfit, require_fit
from edge_deployer.rollout.health import probe_health
from edge_deployer.rollout.promotion import Promotion
from edge_deployer.rollout.record import (
    NO_WAY_BACK,
    Progress,
    RolloutLog,
    RolloutPlan,
    begin,
    find_rollout,
    rollout_ids,
    rollouts,
    unfinished,
)
from edge_deployer.rollout.refusals import Interrupted, TakenBack
from edge_deployer.rollout.taking_back import take_back
from edge_deployer.rollout.terms import RolloutTerms, plan_rollout


class RolloutController:
    """Rolls releases out to the boards of one inventory.

    Args:
        bench: the boards, and the workspace with what is known of them.
        watcher: follows every rollout.
    """

    def __init__(self, bench: Bench, watcher: Watcher | None = None) -> None:
        self._bench, self._watcher = bench, watcher
        self._interrupted: Progress | None = None
        self._trail = Trail(bench.fleet)

    def close(self) -> None:
        """Let go of the trail."""
        self._trail.close()

    def plan(self, bundle: Bundle, terms: RolloutTerms) -> RolloutPlan:
        """What a rollout would do; nothing is begun.

        Raises:
            TinyopsError: the strategy's waves do not cover the pool.
        """
        return plan_rollout(self._trail, self._bench.inventory, bundle, terms)

    async def start(self, bundle: Bundle, terms: RolloutTerms) -> Progress:
        """Roll a release out. One that production runs already changes nothing on any board.

        A rollout that an earlier process left behind is finished first if it is of this release, or else taken back.

        Raises:
            Busy: somebody else works with the boards, or a rollout stands and waits for somebody.
            TinyopsError: the plan cannot come to a verdict, or something on this machine is wrong.
            CutShort: it was cancelled; what the boards run is said.
        """
        trial = Trial.of(bundle, terms.acceptance)
        self._require_feasible(trial)
        try:
            require_fit(self._bench, bundle)
        except Stop as stop:
            left_behind = unfinished(self._trail)
            if left_behind is None or left_behind.state != "running":
                return self._refused(self.plan(bundle, terms), stop)
        async with self._held(terms.by) as held:
            left_behind = unfinished(self._trail)
            if left_behind is not None and await self._settle(left_behind, trial, held):
                return left_behind
            log = begin(self._trail, self.plan(bundle, terms))
            if terms.approved is not None:
                who, why = terms.approved
                log.write("approved", {"wave": NO_WAY_BACK, "who": who, "why": why})
            return await self._drive(log, trial, held, is_accepted=terms.accepted_by == terms.acceptance)

    async def resume(self, rollout: str) -> Progress:
        """Go on with a rollout that was paused, interrupted, or waits for an approval.

        Raises:
            Busy: somebody else is at it.
            TinyopsError: there is no such rollout, it has ended, or its release is not in the workspace any more.
            CutShort: it was cancelled; what the boards run is said.
        """
        async with self._held(f"rollout resume {rollout}") as held:
            progress = self._open(rollout)
            log = RolloutLog(self._trail, progress)
            if progress.turned_back:
                return await self._return(log, held)
            log.state("running")
            return await self._drive(log, self._trial_of(progress), held)

    async def turn_back(self, rollout: str, wish: Wish, who: str, why: str) -> Progress:
        """Take a rollout back: one that is under way (``abort``), or whatever became of it (``rollback``).

        Where another process works on it, that one is asked to do it.

        Raises:
            TinyopsError: there is no such rollout, nothing of it is left to take back, or something on this machine is
                wrong.
        """
        progress = self._last(rollout) if wish == "rollback" else self._known(rollout)
        log = RolloutLog(self._trail, progress)
        log.write("wish", {"wish": wish, "who": who, "why": why})
        try:
            async with self._held(f"rollout {wish} {rollout}") as held:
                progress = find_rollout(self._trail, rollout)
                if progress.state == "ended" and progress.wish is None:
                    return progress
                self._require_boards(progress)
                log = RolloutLog(self._trail, progress)
                log.state("running")
                log.turn_back("production", TakenBack(wish=wish, who=who, why=why), "refused")
                return await self._return(log, held)
        except Busy:
            if progress.state != "running":
                raise
            # Whoever works on it hears of it before the next board.
            return progress

    async def probe(self, rollout: str) -> Progress:
        """Ask the production boards of the last rollout their golden vectors again; a regression takes all back.

        Raises:
            TinyopsError: it is not the last one, has not been promoted, or something on this machine is wrong.
        """
        progress = self._last(rollout)
        if progress.outcome not in ("promoted", "unchanged") or progress.state != "ended":
            raise TinyopsError(
                f"rollout {rollout} has not been promoted: it {_stands(progress)}",
                remedy="`tinyops rollout history` lists those that were",
            )
        async with self._held(f"rollout probe {rollout}") as held:
            self._require_boards(progress)
            log = RolloutLog(self._trail, progress)
            course = self._course(log, self._trial_of(progress), held)
            running = [name for name, standing in progress.standing.items() if standing == "accepted"]

            async def one(name: str) -> None:
                await probe_health(course, name)

            await course.each(running, one)
            if not progress.regressed:
                return progress
            log.state("running")
            log.turn_back("production", progress.reason, "refused")
            return await self._return(log, held)

    def pause(self, rollout: str, who: str, why: str) -> Progress:
        """Have whoever works on a rollout stop before the next board.

        Raises:
            TinyopsError: there is no such rollout, it has ended, or it is a push, which ends when its command does.
        """
        progress = self._known(rollout)
        if progress.plan.takes_back:
            raise TinyopsError(
                f"rollout {rollout} is a push, which either ends or is taken back",
                remedy=f"`tinyops rollout abort {rollout}` takes it back",
            )
        log = RolloutLog(self._trail, progress)
        if progress.state == "running":
            log.write("wish", {"wish": "pause", "who": who, "why": why})
            if not self._bench.leases.live():
                log.state("paused")
        return log.progress

    def approve(self, rollout: str, who: str, why: str) -> Progress:
        """Approve the wave that a rollout waits for.

        Raises:
            TinyopsError: there is no such rollout, or it waits for none.
        """
        progress = self._known(rollout)
        if progress.state != "waits for approval" or progress.waits_for is None:
            raise TinyopsError(
                f"rollout {rollout} does not wait for an approval: it is {progress.state}",
                remedy=f"`tinyops rollout status {rollout}` says how far it is",
            )
        log = RolloutLog(self._trail, progress)
        log.write("approved", {"wave": progress.waits_for, "who": who, "why": why})
        return log.progress

    def history(self) -> list[Progress]:
        """All rollouts, the first one first."""
        return rollouts(self._trail)

    def deployment(self, progress: Progress, bundle: Bundle | None = None) -> Deployment:
        """The record of a rollout that has ended.

        Args:
            progress: how far it is.
            bundle: its release; None takes it from the workspace.

        Raises:
            Busy: it has not ended.
        """
        if progress.outcome is None or progress.changed is None:
            raise _not_ended(progress)
        trial = Trial.of(bundle, progress.plan.acceptance) if bundle else self._trial_of(progress)
        return account_of(self._bench, progress, trial)

    @asynccontextmanager
    async def _held(self, purpose: str) -> AsyncIterator[Holds]:
        self._interrupted = None
        try:
            async with self._bench.hold(self._bench.inventory.boards, purpose, settles=True) as held:
                yield held
        except asyncio.CancelledError:
            # Further signals may have cancelled even the letting go.
            if self._interrupted is None:
                raise
            raise CutShort(self._left(self._interrupted)) from None

    async def _settle(self, left_behind: Progress, trial: Trial, held: Holds) -> bool:
        """Finish what an earlier process left behind, or take it back; whether it was this release's."""
        plan = left_behind.plan
        if left_behind.state != "running":
            raise _not_ended(left_behind)
        self._require_boards(left_behind)
        log = RolloutLog(self._trail, left_behind)
        is_same = plan.release.image_hash == trial.image_hash and plan.acceptance == trial.plan
        finishes = is_same and plan.strategy.when_interrupted == "finish" and not left_behind.turned_back
        Journal(self._watcher, log).note(
            "rollout",
            "interrupted",
            f"{plan.id} of {plan.release.release_id} was not brought to an end; it is "
            f"{'finished' if finishes else 'taken back'} first",
        )
        if finishes:
            await self._drive(log, trial, held)
            return True
        if not left_behind.turned_back:
            log.turn_back("production", Interrupted(), "refused")
        await self._return(log, held)
        return False

    async def _drive(self, log: RolloutLog, trial: Trial, held: Holds, *, is_accepted: bool = False) -> Progress:
        course, plan = self._course(log, trial, held), log.progress.plan
        task_of = None if plan.replace else lru_cache(self._bench.releases.task_of)
        promotion = Promotion(course, task_of, is_accepted=is_accepted or plan.precedents is not None)
        try:
            require_fit(self._bench, trial.bundle)
            changed = await promotion.run()
        except Unfit as stop:
            # It did fit when boards were given it.
            log.turn_back(stop.gate, stop.reason, stop.outcome)
            return await self._return(log, held)
        except Stop as stop:
            log.end(stop.outcome, stop.gate, stop.reason)
        except Stands as stands:
            log.state(stands.state, wave=stands.wave)
        except asyncio.CancelledError:
            self._note_interruption(log)
            self._interrupted = log.progress
            raise
        else:
            log.end("promoted" if changed else "unchanged")
        return log.progress

    async def _return(self, log: RolloutLog, held: Holds) -> Progress:
        """Take back what is not back yet. No signal cuts this short.

        Raises:
            CutShort: it was cancelled meanwhile; what the boards run is said.
        """
        progress = log.progress
        try:
            await take_back(self._course(log, None, held), {})
        except asyncio.CancelledError:
            self._note_interruption(log)
            raise CutShort(self._left(progress)) from None
        assert progress.outcome is not None
        log.end(progress.outcome, progress.gate, progress.reason)
        return progress

    def _note_interruption(self, log: RolloutLog) -> None:
        """All boards were left as a pause leaves them, or were taken back."""
        progress = log.progress
        if progress.turned_back and progress.outcome is not None:
            log.end(progress.outcome, progress.gate, progress.reason)
        else:
            log.state("paused")

    def _course(self, log: RolloutLog, trial: Trial | None, held: Holds) -> Course:
        progress = log.progress
        progress.records = records_of(self._bench, progress)
        first_of_profile = self._bench.inventory.first_of_profile
        asks_nothing = progress.plan.strategy.latency_over_production is None
        return Course(
            given=trial,
            entries={entry.name: entry for entry in self._bench.inventory.boards},
            profiles={profile: board_profile(entry) for profile, entry in first_of_profile.items()},
            log=log,
            journal=Journal(self._watcher, log),
            held=held,
            quarantine=self._bench.quarantine,
            image_of=self._image_of,
            before={} if asks_nothing else latencies_before(self._trail, progress.plan.release.image_hash),
            precedents=precedents(self._trail, progress),
        )

    def _image_of(self, entry: BoardEntry, image_hash: str) -> bytes | None:
        bundle = self._bench.release_of(bytes.fromhex(image_hash), entry)
        return None if bundle is None else bundle.image.data

    def _trial_of(self, progress: Progress) -> Trial:
        plan = progress.plan
        bundle = self._bench.release(plan.release.image_hash)
        if bundle is None:
            raise TinyopsError(
                f"release {plan.release.release_id} of rollout {plan.id} is not in {self._bench.workspace} any more, "
                "or not signed with a key that the boards trust",
                remedy=f"put it back, or take the rollout back: `tinyops rollout abort {plan.id}`",
            )
        return Trial.of(bundle, plan.acceptance)

    def _require_feasible(self, trial: Trial) -> None:
        inventory, plan = self._bench.inventory, trial.plan
        require_feasible(plan, trial.reference, profiles=inventory.profile_names, boards=inventory.wanted_staging)
        virtual = {board_profile(entry).name for entry in inventory.boards if entry.virtual}
        require_times(plan, virtual, trial.bundle.image.payload)

    def _refused(self, plan: RolloutPlan, stop: Stop) -> Progress:
        """Of a release that goes to no board: there is nothing for the trail."""
        now = datetime.now(timezone.utc)
        progress = Progress(plan, now, state="ended", outcome=stop.outcome, gate=stop.gate, reason=stop.reason)
        progress.records, progress.changed = records_of(self._bench, progress), now
        return progress

    def _known(self, rollout: str) -> Progress:
        """A rollout that has not ended."""
        progress = find_rollout(self._trail, rollout)
        if progress.state == "ended":
            raise TinyopsError(
                f"rollout {rollout} has ended: {progress.outcome}",
                remedy=f"`tinyops rollout rollback {rollout}` gives the boards back what they had before",
            )
        return progress

    def _last(self, rollout: str) -> Progress:
        """A rollout that none has followed."""
        progress = find_rollout(self._trail, rollout)
        if rollout != rollout_ids(self._trail)[-1]:
            raise TinyopsError(
                f"rollout {rollout} is not the last one: others have changed the boards since",
                remedy="roll out the release that they are to have: `tinyops rollout start RELEASE`",
            )
        return progress

    def _open(self, rollout: str) -> Progress:
        progress = self._known(rollout)
        if progress.state == "waits for approval" and progress.waits_for not in progress.approvals:
            raise Busy(
                f"rollout {rollout} {_stands(progress)}",
                remedy=f"`tinyops rollout approve {rollout} --why TEXT`, then resume it",
            )
        self._require_boards(progress)
        return progress

    def _require_boards(self, progress: Progress) -> None:
        own = {entry.name for entry in self._bench.inventory.boards}
        missing = [name for name in progress.plan.boards if name not in own]
        if missing:
            inventory = progress.plan.inventory or "the shipped one"
            raise TinyopsError(
                f"rollout {progress.plan.id} has not ended, and the inventory lacks its boards {', '.join(missing)}",
                remedy=f"give the inventory that it began with, {inventory}",
            )

    def _left(self, progress: Progress) -> str:
        """What a command leaves that was cut short, in words."""
        order = [entry.name for entry in self._bench.inventory.boards if entry.name in progress.records]
        runs = what_boards_run([progress.records[name] for name in order], self._bench.releases.ids())
        rollout = progress.plan.id
        paused = f"; rollout {rollout} is paused: `tinyops rollout resume {rollout}`"
        return f"{runs}{paused if progress.state == 'paused' else ''}"


def _not_ended(progress: Progress) -> Busy:
    rollout = progress.plan.id
    return Busy(
        f"rollout {rollout} of {progress.plan.release.release_id} has not ended: it {_stands(progress)}",
        remedy=f"go on with it (`tinyops rollout resume {rollout}`), or take it back (`tinyops rollout abort "
        f"{rollout}`)",
    )


def _stands(progress: Progress) -> str:
    if progress.state == "waits for approval":
        wave = progress.waits_for
        return f"waits for the approval of wave {wave + 1}" if wave is not None and wave >= 0 else "waits for approval"
    return f"is {progress.state}"
