"""One board in a deployment: every step that changes it or asks it something, each written to the journal."""

from __future__ import annotations

from time import monotonic

from edge_deployer.acceptance.evidence import BoardEvidence, Failure
from edge_deployer.acceptance.examination import examine
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.verdict import BoardVerdict, judge_board
from edge_deployer.release.bundle import Bundle
from edge_deployer.rollout.deployment import BoardOutcome, BoardRecord
from edge_deployer.rollout.journal import Journal
from edge_deployer.rollout.rest import come_to_rest, is_at_rest
from edge_deployer.session import DeviceSession, ModelFault, SessionError


class Board:
    """A board with its open session.

    Attributes:
        record: what is known of it; kept up to date by every step.
    """

    def __init__(self, session: DeviceSession, record: BoardRecord, journal: Journal) -> None:
        self.record = record
        self._session = session
        self._journal = journal
        self._changed = False

    async def probe(self) -> None:
        """Learn which image the board runs for good. What an earlier command left half done is taken back first.

        Raises:
            SessionError: the board does not answer, or does not come to rest.
        """
        if not is_at_rest(await self._session.images()):
            self._note("reset", "a release that an earlier command left half done is taken back")
            await come_to_rest(self._session)
        self.record.image_before = self.record.image_after = await self._confirmed_hash()

    def runs(self, bundle: Bundle) -> bool:
        """Whether the release is this board's confirmed image."""
        return self.record.image_after == bundle.image.hash.hex()

    async def try_release(self, bundle: Bundle, plan: AcceptancePlan) -> BoardVerdict:
        """Install the release unconfirmed (unless the board runs it already), examine the board, and judge."""
        failure = None if self.runs(bundle) else await self._install(bundle)
        if failure:
            evidence = BoardEvidence(board=self.record.name, failure=failure)
        else:
            samples = plan.samples if self.record.pool == "staging" else plan.golden_vectors
            self._note("examine", f"{min(samples, len(bundle.acceptance))} samples")
            evidence = await examine(self._session, self.record.name, bundle.acceptance, samples=samples)
        verdict = judge_board(evidence, bundle.image.hash.hex(), plan, pool=self.record.pool)
        self.record.evidence = evidence
        self.record.checks = verdict.checks
        self._note("accepted" if verdict.accepted else "refused", verdict.reason)
        return verdict

    @property
    def can_be_rolled_back(self) -> bool:
        """Whether there is an earlier release to go back to once another one is confirmed."""
        return self.record.image_before is not None

    @property
    def was_changed(self) -> bool:
        """Whether this deployment has changed the board, for good or on trial."""
        return self._changed

    @property
    def is_on_trial(self) -> bool:
        """Whether the board was changed in this deployment and has not been settled since."""
        return self._changed and self.record.outcome == "untouched"

    async def confirm(self, bundle: Bundle) -> None:
        """Make the release the board's own.

        Raises:
            SessionError: the board did not confirm it.
        """
        if self.runs(bundle):
            if self.record.outcome == "untouched":
                self.record.outcome = "unchanged"
            return
        await self._session.confirm(bundle.image.hash)
        self.record.image_after = bundle.image.hash.hex()
        self.record.outcome = "confirmed"
        self._note("confirm", bundle.release_id)

    async def take_back(self) -> None:
        """Return the board to the image it had before this deployment, however far it got, and see that it has it."""
        if not self._changed:
            return
        restored: BoardOutcome = "rolled back" if self.record.outcome == "confirmed" else "reverted"
        try:
            await come_to_rest(self._session)
            if await self._confirmed_hash() != self.record.image_before and self.record.image_before is not None:
                restored = "rolled back"
                await self._swap_back(bytes.fromhex(self.record.image_before))
            self.record.image_after = await self._confirmed_hash()
        except SessionError as error:
            self.record.outcome = "not restored"
            self._note("not restored", error.message)
            return
        self.record.outcome = restored if self.record.image_after == self.record.image_before else "not restored"
        self._note(self.record.outcome, f"runs {_short(self.record.image_after)}")

    async def _swap_back(self, image_hash: bytes) -> None:
        """Boot the earlier image from the spare slot, and keep it if that is what boots."""
        await self._session.test(image_hash)
        await self._session.reset()
        if any(image.active and image.hash == image_hash for image in await self._session.images()):
            await self._session.confirm(image_hash)

    async def _install(self, bundle: Bundle) -> Failure | None:
        began = monotonic()
        size = len(bundle.image.data)
        self._changed = True
        self._note("install", f"{bundle.release_id}, {size:,} bytes")
        try:
            await self._session.install(
                bundle.image.data,
                lambda done, total: self._journal.progress(self.record.name, "install", done, total),
            )
            await self._session.test(bundle.image.hash)
            self._note("reset", "boots the release unconfirmed")
            await self._session.reset()
            running = next((image.hash for image in await self._session.images() if image.active), None)
        except SessionError as error:
            return Failure(kind="model" if isinstance(error, ModelFault) else "board", reason=error.message)
        self.record.install_seconds = monotonic() - began
        if running != bundle.image.hash:
            boots = _short(running.hex() if running else None)
            return Failure(
                kind="board",
                reason=f"the board's boot logic did not take the release: it boots {boots} instead; the board holds "
                "another public key than the one that signs releases, or its slot is damaged",
            )
        return None

    async def _confirmed_hash(self) -> str | None:
        images = await self._session.images()
        return next((image.hash.hex() for image in images if image.active and image.confirmed), None)

    def _note(self, action: str, detail: str) -> None:
        self._journal.note(self.record.name, action, detail)


def _short(image_hash: str | None) -> str:
    return image_hash[:8] if image_hash else "no image"
