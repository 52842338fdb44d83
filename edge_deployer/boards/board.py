"""One board and a release: every step that changes it or asks it something, each written to the journal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic

from edge_deployer.acceptance.check import Case, asks_for
from edge_deployer.acceptance.evidence import BoardEvidence, Failure, ProductionAnswers, RestartedBy
from edge_deployer.acceptance.examination import Examination, failure_of
from edge_deployer.acceptance.findings import BootsAnotherImage, NotInProduction
from edge_deployer.acceptance.pool_verdict import Examined, samples_to_repeat
from edge_deployer.acceptance.verdict import BoardVerdict, judge_board
from edge_deployer.boards.hand import Hand, is_at_rest
from edge_deployer.boards.journal import Journal
from edge_deployer.boards.record import BoardOutcome, BoardRecord
from edge_deployer.boards.trial import Trial
from edge_deployer.ending import uncut
from edge_deployer.inventory.power import PowerFailed, PowerSupply
from edge_deployer.profile import BoardProfile
from edge_deployer.release.bundle import Bundle
from edge_deployer.session import BoardRefused, DeviceInfo, DeviceSession, InUse, ModelFault, SessionError

ImageOf = Callable[[str], bytes | None]
"""The bytes of the image with a hex hash; None where nobody has them."""


class Board:
    """A board with its open session.

    Args:
        session: with the board.
        record: what is known of it, kept up to date.
        profile: of the board.
        journal: where every step goes.
        supply: what switches its power, where there is something.
        image_of: where an earlier image comes from that is on the board no more.
        was_changed: whether the deployment has changed the board in an earlier session.
    """

    def __init__(
        self,
        session: DeviceSession,
        record: BoardRecord,
        profile: BoardProfile,
        journal: Journal,
        *,
        supply: PowerSupply | None = None,
        image_of: ImageOf = lambda _hash: None,
        was_changed: bool = False,
    ) -> None:
        self.record, self.url = record, session.url
        self._supply = supply
        self._hand = Hand(session, record.name, journal)
        self._session = session
        self._profile = profile
        self._journal = journal
        self._image_of, self._was_changed = image_of, was_changed

    async def probe(self) -> None:
        """Learn which image the board runs for good. What an earlier command left half done is taken back first.

        Raises:
            SessionError: the board does not answer, or does not come to rest.
        """
        if not is_at_rest(await self._hand.ask()):
            self._note("reset", "to end what an earlier command left half done")
            await self._hand.come_to_rest()
        self.record.image_before = await self._ask_what_it_runs()

    async def see(self) -> None:
        """Learn what the board runs for good by now; what it had before the deployment stays on record.

        Raises:
            SessionError: the board does not answer.
        """
        await self._ask_what_it_runs()

    async def model_in_production(self) -> DeviceInfo | None:
        """What the board says of the model that it runs; None where the model crashes or cannot be loaded.

        Raises:
            SessionError: the board does not answer.
        """
        try:
            return await self._session.info()
        except ModelFault:
            return None

    def runs(self, bundle: Bundle) -> bool:
        """Whether the release is this board's confirmed image."""
        return self.record.image_after == bundle.image.hash.hex()

    async def try_release(
        self, trial: Trial, in_production: frozenset[str] = frozenset(), staging: Sequence[BoardEvidence] = ()
    ) -> BoardVerdict:
        """Install the release unconfirmed (unless the board runs it already), examine the board, and judge.

        Args:
            trial: the release and its terms.
            in_production: hashes of the images that production runs for good. If this board runs one of them, it is
                asked before the release takes its place, for the comparison.
            staging: for a production board: the evidence of the boards that have accepted the release.

        Raises:
            InUse: somebody else took the board.
        """
        production, failure = None, None
        if not self.runs(trial.bundle):
            try:
                production = await self._ask_production(trial, in_production)
                failure = await self._install(trial.bundle)
            except InUse:
                raise
            except SessionError as error:
                failure = failure_of(error)
        if failure:
            evidence = BoardEvidence(board=self.record.name, profile=self._profile.name, failure=failure)
        else:
            self._note("examine", self._what_is_asked(trial))
            evidence = await self._examination(trial).run(trial.image_hash, self.record.pool, production)
        self.record.evidence = evidence
        verdict = self._judge(trial, staging)
        self._journal.note(self.record.name, verdict.decision, finding=self.examined.why)
        return verdict

    async def load(self, bundle: Bundle) -> None:
        """Bring the release to the board, where it waits in the spare slot until it is tried.

        Raises:
            SessionError: the board does not answer, or refuses.
        """
        await self._hand.load(bundle.image.data, bundle.image.hash, bundle.release_id)

    async def ask_again(self, trial: Trial, staging: Sequence[BoardEvidence] = ()) -> Examined:
        """What a board that runs the release answers now; its record stays that of its acceptance.

        Raises:
            SessionError: the board does not answer.
        """
        evidence = await self._examination(trial).run(trial.image_hash, "production")
        return Examined(evidence=evidence, verdict=self._verdict(evidence, trial, staging))

    async def has_on_trial(self, bundle: Bundle) -> bool:
        """Whether the board runs the release unconfirmed.

        Raises:
            SessionError: the board does not answer.
        """
        running = await self._hand.running()
        return running is not None and running.hash == bundle.image.hash and not running.confirmed

    async def repeat(self, trial: Trial) -> None:
        """Ask again what spoke against the board alone, and keep the answers with its evidence."""
        samples = samples_to_repeat(self.examined)
        if not samples:
            return
        self._note("repeat", f"{len(samples)} samples that it alone differs on")
        repeated = await self._examination(trial).repeat(samples)
        assert self.record.evidence is not None
        self.record.evidence = self.record.evidence.model_copy(update={"repeated": repeated})

    async def power_cycle(self, trial: Trial) -> None:
        """Have the board start again with its confirmed release, and judge it again with what it does then."""
        cycle = await self._examination(trial).power_cycle(self._start_again)
        assert self.record.evidence is not None
        self.record.evidence = self.record.evidence.model_copy(update={"power_cycle": cycle})
        verdict = self._judge(trial)
        if not verdict.accepted:
            self._journal.note(self.record.name, verdict.decision, finding=self.examined.why)

    async def _start_again(self) -> RestartedBy:
        """By its supply; by a reset where it has none, or where that does not do it.

        Raises:
            SessionError: the board does not come back.
        """
        if self._supply is not None:
            self._note("power cycle", "loses its power with the confirmed release, and gets it back")
            try:
                if await self._session.power_cycle(self._supply.cycle):
                    return "power"
                self._note("not power cycled", "its supply was switched, and the board had power all the time")
            except PowerFailed as failure:
                self._note("not power cycled", failure.message)
        self._note("power cycle", "resets with the confirmed release")
        await self._session.reset()
        return "reset"

    @property
    def examined(self) -> Examined:
        """The board's evidence and verdict; to be asked after `try_release`."""
        assert self.record.evidence is not None
        assert self.record.verdict is not None
        return Examined(evidence=self.record.evidence, verdict=self.record.verdict)

    async def _ask_production(self, trial: Trial, in_production: frozenset[str]) -> ProductionAnswers | None:
        """What the release in production answers on this board; None where there is none, or it is not asked for.

        Raises:
            SessionError: the board does not answer any more.
        """
        compares = self.record.pool == "staging" and asks_for(trial.plan, "before install")
        if not compares or not in_production:
            return None
        own = self.record.image_after
        if own not in in_production:
            reason = NotInProduction(board=self.record.name, runs=own)
            return ProductionAnswers(image_hash=min(in_production), reason=reason)
        self._note("compare", f"runs the samples on production's image {_short(own)} first")
        return await self._examination(trial).ask_production(own)

    def _examination(self, trial: Trial) -> Examination:
        def on_samples(done: int, most: int) -> None:
            self._journal.progress(self.record.name, "examine", done, most)

        return Examination(
            self._session,
            self.record.name,
            self._profile,
            trial.bundle.acceptance,
            trial.reference,
            trial.plan,
            on_samples,
        )

    def _what_is_asked(self, trial: Trial) -> str:
        samples = len(trial.reference)
        if self.record.pool == "production":
            return f"{min(trial.plan.golden_vectors, samples)} golden vectors"
        return f"as many of {samples} samples as a decision needs"

    def _judge(self, trial: Trial, staging: Sequence[BoardEvidence] = ()) -> BoardVerdict:
        assert self.record.evidence is not None
        self.record.verdict = self._verdict(self.record.evidence, trial, staging)
        return self.record.verdict

    def _verdict(self, evidence: BoardEvidence, trial: Trial, staging: Sequence[BoardEvidence]) -> BoardVerdict:
        pool, virtual = self.record.pool, self.record.virtual
        case = Case(evidence, trial.reference, trial.plan, trial.subject, pool=pool, virtual=virtual, staging=staging)
        return judge_board(case)

    @property
    def can_be_rolled_back(self) -> bool:
        """Whether there is an earlier release to go back to once another one is confirmed."""
        return self.record.image_before is not None

    @property
    def keeps_release(self) -> bool:
        """Whether the release is confirmed, in this deployment or before."""
        return self.record.keeps_release

    @property
    def was_changed(self) -> bool:
        """Whether this deployment has changed the board, for good or on trial."""
        return self._was_changed or "put on trial" in self._hand.intended

    @property
    def is_on_trial(self) -> bool:
        """Whether the board was changed in this deployment and has not been settled since."""
        return self.was_changed and self.record.outcome == "untouched"

    async def confirm(self, bundle: Bundle) -> None:
        """Make the release the board's own.

        Raises:
            SessionError: the board did not confirm it.
        """
        if self.runs(bundle):
            if self.record.outcome == "untouched":
                # It may have been confirmed by an attempt whose answer nobody heard.
                had_it = self.record.image_before == self.record.image_after
                self.record.outcome = "unchanged" if had_it else "confirmed"
            return
        await self._hand.confirm(bundle.image.hash, bundle.release_id)
        self.record.image_after = bundle.image.hash.hex()
        self.record.outcome = "confirmed"

    async def take_back(self) -> None:
        """Return the board to the image it had before this deployment, however far it got, and see that it has it.

        No signal cuts this short.
        """
        if self.was_changed and self.record.outcome not in ("reverted", "rolled back"):
            await uncut(self._restore(), f"{self.record.name} to be taken back")

    async def _restore(self) -> None:
        restored: BoardOutcome = "rolled back" if self.record.outcome == "confirmed" else "reverted"
        try:
            await self._hand.come_to_rest()
            runs = await self._ask_what_it_runs()
            if runs != self.record.image_before and self.record.image_before is not None:
                restored = "rolled back"
                await self._swap_back(self.record.image_before)
                await self._ask_what_it_runs()
        except InUse:
            raise
        except SessionError as error:
            self.record.outcome, self.record.answer = "not restored", "silent"
            self._note("not restored", error.message)
            return
        self.record.outcome = restored if self.record.image_after == self.record.image_before else "not restored"
        self._note(self.record.outcome, f"runs {_short(self.record.image_after)}")

    async def _swap_back(self, wanted: str) -> None:
        """Boot the earlier image, from the spare slot or as it was kept, and keep it if that is what boots."""
        image_hash, image = bytes.fromhex(wanted), self._image_of(wanted)
        is_here = any(slot.hash == image_hash for slot in self._hand.slots or ())
        if is_here or image is None:
            running = await self._hand.boot(image_hash)
        else:
            running = await self._hand.put_on_trial(image, image_hash, _short(wanted), "the earlier release")
        if running and running.hash == image_hash:
            await self._hand.confirm(image_hash)

    async def _install(self, bundle: Bundle) -> Failure | None:
        """Boot the release on trial; why that did not succeed, if it did not.

        Raises:
            SessionError: the board does not answer, or refuses.
        """
        began = monotonic()
        image = bundle.image
        running = await self._hand.put_on_trial(image.data, image.hash, bundle.release_id, "the release")
        self.record.install_seconds = monotonic() - began
        if running is None or running.hash != image.hash:
            return Failure(kind="model", reason=BootsAnotherImage(boots=running.hash.hex() if running else None))
        return None

    async def _ask_what_it_runs(self) -> str | None:
        """Hex hash of the image that it runs for good; kept as its last answer."""
        running = await self._hand.running()
        self.record.answer = "runs"
        self.record.image_after = running.hash.hex() if running and running.confirmed else None
        # Firmware without the inference group says nothing of a floor.
        with suppress(BoardRefused):
            self.record.floor = (await self._session.health()).security_floor
        return self.record.image_after

    def _note(self, action: str, detail: str) -> None:
        self._journal.note(self.record.name, action, detail)


def _short(image_hash: str | None) -> str:
    return image_hash[:8] if image_hash else "no image"
