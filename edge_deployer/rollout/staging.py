"""The staging pool: who is tried, who stands in for a board that is not to be trusted, and what they say together."""

from __future__ import annotations

from collections.abc import Sequence

from edge_deployer.acceptance.pool_verdict import PoolVerdict, differs_alone, judge_pool
from edge_deployer.boards.board import Board
from edge_deployer.boards.trial import Trial
from edge_deployer.rollout.course import all_end


class StagingPool:
    """Tries a release on the boards of the staging pool.

    Args:
        boards: those that are healthy, spares last.
        trial: the release and its terms.
        wanted: boards that the pool has without its spares; so many are tried, as long as there are spares.
        in_production: hashes of the images that production runs for good.
    """

    def __init__(self, boards: Sequence[Board], trial: Trial, *, wanted: int, in_production: frozenset[str]) -> None:
        self._waiting = list(boards)
        self._tried: list[Board] = []
        self._trial, self._wanted, self._in_production = trial, wanted, in_production

    @property
    def tried(self) -> list[Board]:
        """Boards that have been given the release, those in quarantine too."""
        return self._tried

    @property
    def accepting(self) -> list[Board]:
        """Boards that accept the release."""
        return [board for board in self._tried if board.examined.verdict.accepted]

    async def try_release(self) -> PoolVerdict:
        """Try as many boards at once as are wanted; then a spare for every one that turns out not to be trusted.

        Called again, it goes on with what has become of the boards in the meantime.
        """
        verdict = self.judge()
        while verdict.decision != "refused" and (missing := self._next(verdict)):
            self._tried += missing
            await all_end(board.try_release(self._trial, self._in_production) for board in missing)
            await all_end(board.repeat(self._trial) for board in missing if self._differs_alone(board))
            verdict = self.judge()
        return verdict

    async def power_cycle(self, boards: Sequence[Board]) -> None:
        """Reset boards that have confirmed the release, and judge each again."""
        await all_end(board.power_cycle(self._trial) for board in boards)

    def judge(self) -> PoolVerdict:
        """What the boards that have been tried say together."""
        examined = [board.examined for board in self._tried]
        return judge_pool(
            examined, self._trial.reference, self._trial.plan, quorum=self._trial.plan.quorum_of(self._wanted)
        )

    def _next(self, verdict: PoolVerdict) -> list[Board]:
        """Boards to try next: none as long as all that are wanted are healthy."""
        healthy = len(self._tried) - len(verdict.quarantined)
        chosen = self._waiting[: max(0, self._wanted - healthy)]
        del self._waiting[: len(chosen)]
        return chosen

    def _differs_alone(self, board: Board) -> bool:
        return differs_alone(board.examined, [peer.examined for peer in self._tried])
