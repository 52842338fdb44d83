"""Power cut at every flash operation of an installation, and inside each; then again during the recovery.

As MCUboot's simulator does, with one thing more: the operation itself may be left half done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_deployer.public_key import read_public_keys
from edge_deployer.virtual_board.flash import PowerCut
from edge_deployer.virtual_board.partitions import Slot
from edge_deployer.wire.mcuboot import parse_image
from tests.edge_deployer.virtual_board.running_board import Signer
from tests.edge_deployer.virtual_board.small_board import SmallBoard

# Nothing of the operation, some bits of a flag, half, all but the last bit.
SHARES = (0.0, 0.07, 0.5, 0.999)
OLD, NEW, THIRD = "1.0.0", "2.0.0", "3.0.0"
# An erase of the trailer that ends here leaves the magic and nothing else.
MAGIC_BYTES = 16
# Pages for which the trailer takes seven pages, and one.
PAGE_SIZES = (128, 512)
ENDS = ("confirm", "revert")


@dataclass
class Installation:
    """A board with the old image, and the steps that bring it the new one."""

    board: SmallBoard
    old: bytes
    new: bytes
    third: bytes
    end: str
    page_bytes: int

    def __post_init__(self) -> None:
        self.board.start()
        self.board.install(self.old)
        self._before = self.board.content()
        board = self.board
        trial: list[tuple[str, Callable[[], object]]] = [
            ("upload", lambda: board.upload(self.new)),
            ("test", lambda: board.test(self.new)),
            ("swap", board.start),
        ]
        last: dict[str, list[tuple[str, Callable[[], object]]]] = {
            "confirm": [("confirm", board.confirm), ("start", board.start)],
            "revert": [("revert", board.start)],
        }
        self._steps = trial + last[self.end]
        self.operations = self._count()

    def _count(self) -> dict[str, int]:
        """Flash operations of each step."""
        counts = {}
        for name, step in self._steps:
            before = self.board.meter.operations
            step()
            counts[name] = self.board.meter.operations - before
        return counts

    def run_until_cut(self, operation: int, share: float) -> tuple[str, bool]:
        """From the beginning; the step that power went in, and whether it was in that step's last operation."""
        self.board.become(self._before)
        self.board.start()
        self.board.meter.cut_after(operation, share)
        for name, step in self._steps:
            try:
                step()
            except PowerCut:
                return name, operation == self.operations[name] - 1
            operation -= self.operations[name]
        raise AssertionError("power was not cut")

    def start_with_cuts(self, cuts: list[tuple[int, float]]) -> bool:
        """Boot with power going as often as told, then with power for good; whether any cut fell into a boot."""
        happened = False
        for operation, share in cuts:
            self.board.meter.cut_after(operation, share)
            try:
                self.board.start()
            except PowerCut:
                happened = True
            else:
                break
        self.board.meter.restore()
        self.board.start()
        return happened

    def assert_sound(self, may_run: set[str]) -> None:
        """A verified image runs, the other one is there where a trial needs it, and the board takes another."""
        board = self.board
        assert board.version in may_run
        state = board.slots()[0]
        assert state["version"] == board.version
        if not state["confirmed"]:
            assert board.version == NEW
            assert parse_image(board.flash.image(Slot.SECONDARY)) == parse_image(self.old)
            assert board.start() == OLD
        settled = board.version
        assert board.start() == settled
        if board.slots().get(1, {}).get("version") != THIRD:
            assert board.upload(self.third)["match"]
        board.test(self.third, confirm=True)
        assert board.start() == THIRD
        assert board.slots()[0]["confirmed"]


OUTCOMES = {
    "upload": {OLD},
    "test": {OLD, NEW},
    "swap": {NEW},
    "confirm": {OLD, NEW},
    "start": {NEW},
    "revert": {OLD},
}


def outcomes(step: str, *, last: bool) -> set[str]:
    # The last write of a swap begins the trial, which the boot after it ends, though the image had no chance to run.
    return {OLD, NEW} if step == "swap" and last else OUTCOMES[step]


@pytest.fixture(scope="module", params=[(end, page) for end in ENDS for page in PAGE_SIZES], ids=str)
def installation(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, signer: Signer
) -> Installation:
    end, page_bytes = request.param
    board = SmallBoard(tmp_path_factory.mktemp("board"), read_public_keys(signer.public_key), page_bytes)
    # The new image raises the security floor: its confirmation writes that, too.
    old, new, third = (
        signer.sign(b"old" * 80, OLD, security_counter=1),
        signer.sign(b"newer" * 70, NEW, security_counter=2),
        signer.sign(b"third" * 60, THIRD, security_counter=2),
    )
    return Installation(board, old, new, third, end, page_bytes)


def test_after_a_cut_in_any_operation_a_verified_image_runs(installation: Installation) -> None:
    for operation in range(sum(installation.operations.values())):
        for share in (*SHARES, 1 - MAGIC_BYTES / installation.page_bytes):
            step, last = installation.run_until_cut(operation, share)
            installation.start_with_cuts([])
            installation.assert_sound(outcomes(step, last=last))


def test_after_a_cut_in_any_operation_of_the_recovery_too(installation: Installation) -> None:
    """A cut in the middle of the swap and of the revert, then one at every operation of the boot that mends it."""
    counts, before = installation.operations, 0
    for step, count in counts.items():
        if step in {"swap", "revert"}:
            first, second = before + count // 2, 0
            while True:
                installation.run_until_cut(first, 0.5)
                if not installation.start_with_cuts([(second, 0.5)]):
                    break
                installation.assert_sound({OLD, NEW} if step == "swap" else {OLD})
                second += 1
            assert second > count // 4
        before += count


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_after_cuts_in_the_recovery_as_well(installation: Installation, data: st.DataObject) -> None:
    shares = st.floats(0, 1, exclude_max=True)
    total = sum(installation.operations.values())
    step, _ = installation.run_until_cut(data.draw(st.integers(0, total - 1)), data.draw(shares))
    cuts = data.draw(st.lists(st.tuples(st.integers(0, 90), shares), min_size=1, max_size=4))
    again = installation.start_with_cuts(cuts)
    # A cut in the last write of a swap may use the trial up, see `outcomes`; a boot that is cut may be one that swaps.
    installation.assert_sound({OLD, NEW} if again and step in {"test", "swap"} else outcomes(step, last=True))
