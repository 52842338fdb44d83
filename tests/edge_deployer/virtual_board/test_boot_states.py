"""The boot logic as a state machine: uploads, tests, confirmations, resets and power cuts in any order."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from smp.image_management import IMG_MGMT_ERR

from edge_deployer.public_key import read_public_keys
from edge_deployer.virtual_board.flash import PowerCut
from edge_deployer.virtual_board.partitions import Slot
from edge_deployer.wire.mcuboot import parse_image
from tests.edge_deployer.virtual_board.running_board import Signer
from tests.edge_deployer.virtual_board.small_board import SmallBoard

COUNTERS = {"1.0.0": 0, "2.0.0": 0, "3.0.0": 1, "4.0.0": 2}
FOREIGN = "9.0.0"
VERSIONS = st.sampled_from([*COUNTERS, FOREIGN])
_NUMBERS = itertools.count()


@dataclass(frozen=True)
class World:
    """What the board must do, in the words of MCUboot's documentation: images by version, None for no image.

    Attributes:
        whole: the secondary image is all there; one whose last bytes a power cut took is listed, and never boots.
    """

    primary: str | None = None
    secondary: str | None = None
    whole: bool = True
    pending: str | None = None
    trial: bool = False
    floor: int = 0

    @property
    def spare_in_use(self) -> bool:
        return self.trial or self.pending is not None

    def swapped(self) -> World:
        """The boot's first part: swap, revert, or refuse."""
        if self.pending is None:
            if not self.trial:
                return self
            return replace(self, primary=self.secondary, secondary=self.primary, trial=False)
        if not self.whole or COUNTERS.get(self.secondary or "", -1) < self.floor:
            return replace(self, secondary=None, pending=None)
        return replace(self, primary=self.secondary, secondary=self.primary, pending=None, trial=self.pending == "test")

    def settled(self) -> World:
        """The boot's second part: the floor rises to what is not on trial."""
        if self.trial or self.primary is None:
            return self
        return replace(self, floor=max(self.floor, COUNTERS[self.primary]))

    def booted(self) -> World:
        return self.swapped().settled()

    def asked(self, version: str, *, confirm: bool) -> World:
        """Test or confirm by hash."""
        if self.primary == version:
            return replace(self, trial=False) if confirm else self
        if self.secondary != version or self.trial:
            return self
        return replace(self, pending="permanent" if confirm else self.pending or "test")


class Boards(RuleBasedStateMachine):
    """A board, and the worlds it may be in: one, unless power was cut."""

    images: ClassVar[Mapping[str, bytes]]
    make_board: ClassVar[Callable[[], SmallBoard]]

    @initialize()
    def power_on(self) -> None:
        self.board = type(self).make_board()
        self.board.start()
        self.worlds = {World()}

    @property
    def world(self) -> World:
        (world,) = self.worlds
        return world

    def teardown(self) -> None:
        if hasattr(self, "board"):
            self.board.flash.close()

    def do(self, action: Callable[[], object], after: World, *halfway: World) -> None:
        """Do something that leads to a world; where power goes meanwhile it may be any between."""
        before = self.world
        try:
            action()
        except PowerCut:
            self.worlds = {before, after, *halfway}
            self.recover()
        else:
            self.worlds = {after}

    def recover(self) -> None:
        self.board.meter.restore()
        self.board.start()
        self.worlds = {world.booted() for world in self.worlds}
        self.look()

    def look(self) -> None:
        """Keep the worlds that agree with the board; one must, and the board tells all of it but the floor."""
        slots = self.board.slots()
        seen = (
            self.board.version,
            {number: state["version"] for number, state in slots.items()},
            any(not state["confirmed"] for state in slots.values() if state["active"]),
            any(state["pending"] for state in slots.values()),
            any(state["permanent"] for state in slots.values()),
            self.board.flash.security_floor.value,
        )
        agreeing = {world for world in self.worlds if seen == _seen(world)}
        assert agreeing, (seen, self.worlds)
        self.worlds = agreeing

    @rule(operation=st.integers(0, 80), share=st.floats(0, 1, exclude_max=True))
    def power_will_go(self, operation: int, share: float) -> None:
        self.board.meter.cut_after(operation, share)

    @rule(version=VERSIONS)
    def upload(self, version: str) -> None:
        world = self.world
        if world.spare_in_use:
            answer = self.board.upload(self.images[version])
            # A repeated upload of what was just uploaded is told that it is complete.
            complete = version == world.secondary and answer == {"off": len(self.images[version])}
            assert complete or answer["err"]["rc"] == IMG_MGMT_ERR.NO_FREE_SLOT
            return
        self.do(
            lambda: self.board.upload(self.images[version]),
            replace(world, secondary=version),
            replace(world, secondary=None),
        )
        whole = self.board.flash.image(Slot.SECONDARY).startswith(self.images[version])
        if self.world.secondary == version:
            self.worlds = {replace(self.world, whole=whole)}

    @rule(version=VERSIONS, confirm=st.booleans())
    def ask(self, version: str, confirm: bool) -> None:
        world = self.world
        between = world.asked(version, confirm=False) if confirm else world
        self.do(
            lambda: self.board.test(self.images[version], confirm=confirm),
            world.asked(version, confirm=confirm),
            between,
        )

    @rule()
    def confirm(self) -> None:
        self.do(self.board.confirm, replace(self.world, trial=False))

    @rule()
    def erase(self) -> None:
        if self.world.spare_in_use:
            assert "err" in self.board.ask(1, 5, {})
            return
        self.do(lambda: self.board.ask(1, 5, {}), replace(self.world, secondary=None))

    @rule()
    def reset(self) -> None:
        world = self.world
        self.do(self.board.start, world.booted(), world.swapped())
        self.look()


def _seen(world: World) -> tuple[object, ...]:
    slots = {number: version for number, version in enumerate([world.primary, world.secondary]) if version}
    listed = world.secondary is not None
    return (
        world.primary,
        slots,
        world.trial and world.primary is not None,
        listed and world.pending is not None,
        listed and world.pending == "permanent",
        world.floor,
    )


def test_any_order_of_uploads_tests_confirmations_resets_and_cuts_leads_where_mcuboot_leads(
    tmp_path_factory: pytest.TempPathFactory, signer: Signer, stranger: Signer
) -> None:
    folder: Path = tmp_path_factory.mktemp("boards")
    key = read_public_keys(signer.public_key)

    class Signed(Boards):
        images: ClassVar[Mapping[str, bytes]] = {
            version: signer.sign(version.encode() * (40 + 20 * counter), version, security_counter=counter)
            for version, counter in COUNTERS.items()
        } | {FOREIGN: stranger.sign(b"foreign" * 30, FOREIGN)}
        make_board: ClassVar[Callable[[], SmallBoard]] = staticmethod(
            lambda: SmallBoard(folder / str(next(_NUMBERS)), key)
        )

    assert all(parse_image(image).version == version for version, image in Signed.images.items())
    run_state_machine_as_test(Signed, settings=settings(max_examples=150, stateful_step_count=40))  # type: ignore[no-untyped-call]
