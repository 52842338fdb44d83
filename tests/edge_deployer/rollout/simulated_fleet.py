"""Simulated boards: MCUboot's two slots and an identity classifier behind a session, with faults by plan.

All that lies above a session is the product's. What a board holds is in a file of its own, so that it outlives the
process that was talking to it, as a board on its own supply does.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Literal, TypeVar

import numpy as np

from edge_deployer.boards.bench import Bench, HeldBoards
from edge_deployer.inventory.inventory import BoardEntry, Inventory
from edge_deployer.release.bundle import Bundle
from edge_deployer.session import (
    BoardGone,
    BoardRefused,
    DeviceInfo,
    DeviceSession,
    Fenced,
    Health,
    InferenceResult,
    PortInUse,
    ResetReason,
    SessionError,
    SlotState,
    WrongInputs,
)
from edge_deployer.tensors import Array
from edge_deployer.wire.mcuboot import parse_image

Effect = Literal["silent", "unanswered", "restarts", "refuses", "in use", "hangs"]
"""Of a fault: nothing is done; it is done, and no answer comes; the board resets by itself instead; it says no; another
program holds its port; it takes for ever."""

_Result = TypeVar("_Result")
_BATCH = 64
_LATENCY_US = 1_000


@dataclass(frozen=True)
class Fault:
    """What happens instead of an answer.

    Attributes:
        request: name of the session's request, ``upload`` for the moment at which an upload ends; ``*`` for any.
        first: which of these requests of a board's life, from 1.
        effect: what happens.
        times: to so many of them in a row.
    """

    request: str
    first: int
    effect: Effect
    times: int = 1


@dataclass(frozen=True)
class Character:
    """What a board does otherwise than others."""

    faults: tuple[Fault, ...] = ()
    wrong: bool = False  # Names another class than the model does.
    slow: float = 1.0  # How many times longer it takes than others.


@dataclass
class Flash:
    """What a board holds, and what was done to it so far."""

    primary: str = ""  # Hex hash of the image that runs; empty where there is none.
    spare: str = ""
    on_trial: bool = False  # The primary image goes back at the next reset.
    pending: bool = False  # The spare image boots at the next reset.
    epoch: int = 0
    boots: int = 1
    uploads: dict[str, int] = field(default_factory=dict)  # Finished ones, by image.
    asked: dict[str, int] = field(default_factory=dict)  # Requests so far, by name.

    @property
    def kept(self) -> str | None:
        """The image that runs for good, if nothing is on trial and none waits."""
        return None if self.on_trial or self.pending else self.primary or None

    @property
    def at_rest(self) -> bool:
        return not self.on_trial and not self.pending

    def restart(self) -> None:
        """As MCUboot does."""
        self.boots += 1
        if self.pending:
            self.primary, self.spare = self.spare, self.primary
            self.on_trial, self.pending = True, False
        elif self.on_trial:
            self.primary, self.spare = self.spare, self.primary
            self.on_trial = False

    def slots(self) -> list[SlotState]:
        found = [
            SlotState(0, bytes.fromhex(self.primary), "1.0.0", active=True, confirmed=not self.on_trial, pending=False),
            SlotState(
                1, bytes.fromhex(self.spare), "1.0.0", active=False, confirmed=self.on_trial, pending=self.pending
            ),
        ]
        return [state for state in found if state.hash]


@dataclass
class Devices:
    """All simulated boards.

    Attributes:
        folder: of the boards' files; None keeps them in this process only.
        models: what runs, by the hex hash of its image.
        characters: of the boards that have one, by name.
    """

    folder: Path | None
    models: Mapping[str, Bundle]
    characters: Mapping[str, Character] = field(default_factory=dict)
    _kept: dict[str, Flash] = field(default_factory=dict)
    _hashes: dict[int, str] = field(default_factory=dict)

    def read(self, name: str) -> Flash:
        if self.folder is None:
            return self._kept.setdefault(name, Flash())
        path = self.folder / f"{name}.json"
        return Flash(**json.loads(path.read_text())) if path.exists() else Flash()

    def write(self, name: str, flash: Flash) -> None:
        if self.folder is not None:
            (self.folder / f"{name}.json").write_text(json.dumps(asdict(flash)))

    @contextmanager
    def flash(self, name: str) -> Iterator[Flash]:
        """To be changed in the block; what was changed stays, however that ends."""
        flash = self.read(name)
        try:
            yield flash
        finally:
            self.write(name, flash)

    def character(self, name: str) -> Character:
        return self.characters.get(name, Character())

    def provision(self, names: Sequence[str], image: str) -> None:
        """Boards as they are once an image was rolled out to them."""
        for name in names:
            with self.flash(name) as flash:
                flash.primary = image

    def hash_of(self, image: bytes) -> str:
        """Boards are given the same bytes again and again."""
        if id(image) not in self._hashes:
            self._hashes[id(image)] = parse_image(image).hash.hex()
        return self._hashes[id(image)]


class SimulatedSession(DeviceSession):
    """As much of a session as boards, examinations and hands use."""

    def __init__(self, devices: Devices, name: str, epoch: int) -> None:
        self.url, self._devices, self._name, self._own_epoch = f"socket://{name}:1", devices, name, epoch

    async def __aenter__(self) -> SimulatedSession:
        await self._request("open", self._claim_board)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.sleep(0)

    async def echo(self, text: str = "tinyops") -> str:
        return await self._request("echo", lambda _: text)

    async def images(self) -> list[SlotState]:
        return await self._request("images", Flash.slots)

    async def health(self) -> Health:
        return await self._request("health", lambda flash: Health(ResetReason.POWER_ON, 1_000 * flash.boots, 0, None))

    async def info(self) -> DeviceInfo:
        return await self._request("info", self._describe)

    async def install(self, image: bytes, on_progress: Callable[[int, int], None] | None = None) -> None:
        wanted = self._devices.hash_of(image)

        def begin(flash: Flash) -> bool:
            self._claim_board(flash)
            if wanted in (flash.primary, flash.spare):
                return True
            if not flash.at_rest:
                raise self._refusal("take an image")
            flash.spare = ""
            return False

        def finish(flash: Flash) -> None:
            self._claim_board(flash)
            flash.spare = wanted
            flash.uploads[wanted] = flash.uploads.get(wanted, 0) + 1

        if not await self._request("install", begin):
            await self._request("upload", finish)
        if on_progress is not None:
            on_progress(len(image), len(image))

    async def test(self, image_hash: bytes) -> None:
        def mark(flash: Flash) -> None:
            self._claim_board(flash)
            if flash.spare != image_hash.hex() or flash.on_trial:
                raise self._refusal("test an image")
            flash.pending = True

        await self._request("test", mark)

    async def confirm(self, image_hash: bytes | None = None) -> None:
        def keep(flash: Flash) -> None:
            self._claim_board(flash)
            flash.on_trial = False
            if image_hash is not None and flash.primary != image_hash.hex():
                raise SessionError(self.url, f"did not keep image {image_hash.hex()[:8]}", remedy="")

        await self._request("confirm", keep)

    async def reset(self) -> None:
        def restart(flash: Flash) -> None:
            self._claim_board(flash)
            flash.restart()

        await self._request("reset", restart)

    async def infer(self, inputs: Array) -> InferenceResult:
        return await self._request("infer", lambda flash: self._computed(flash, inputs))

    async def infer_repeatedly(self, inputs: Array, times: int) -> InferenceResult:
        runs = [await self.infer(inputs) for _ in range(times)]
        return InferenceResult(np.stack([run.outputs for run in runs]), np.stack([run.microseconds for run in runs]))

    async def infer_batches(self, inputs: Array) -> AsyncGenerator[InferenceResult, None]:
        for start in range(0, len(inputs), _BATCH):
            yield await self.infer(inputs[start : start + _BATCH])

    async def _request(self, name: str, answer: Callable[[Flash], _Result]) -> _Result:
        await asyncio.sleep(0)
        with self._devices.flash(self._name) as flash:
            effect = self._effect(flash, name)
            if effect == "restarts":
                flash.restart()
            if effect in ("restarts", "silent"):
                raise BoardGone(self.url, f"asked to {name}, but nothing came back")
            if effect == "refuses":
                raise self._refusal(name)
            if effect == "in use":
                raise PortInUse(self.url)
            if effect == "hangs":
                await asyncio.get_running_loop().create_future()
            result = answer(flash)
        if effect == "unanswered":
            raise BoardGone(self.url, f"asked to {name}, but no answer came back")
        return result

    def _effect(self, flash: Flash, name: str) -> Effect | None:
        faults = self._devices.character(self._name).faults
        for counted in (name, "*") if faults else ():
            flash.asked[counted] = flash.asked.get(counted, 0) + 1
        hit = (
            fault.effect
            for fault in faults
            if fault.request in (name, "*") and 0 <= flash.asked[fault.request] - fault.first < fault.times
        )
        return next(hit, None)

    def _claim_board(self, flash: Flash) -> None:
        if self._own_epoch < flash.epoch:
            raise Fenced(self.url, held=flash.epoch, own=self._own_epoch)
        flash.epoch = self._own_epoch

    def _describe(self, flash: Flash) -> DeviceInfo:
        model = self._devices.models[flash.primary]
        arena = model.manifest.arena_bytes or 0
        return DeviceInfo(
            bytes.fromhex(flash.primary), arena, 2 * arena, None, model.acceptance.input, model.acceptance.output
        )

    def _computed(self, flash: Flash, inputs: Array) -> InferenceResult:
        model, character = self._devices.models[flash.primary], self._devices.character(self._name)
        if inputs.shape[1:] != model.acceptance.input.sample_shape:
            raise WrongInputs(self.url, str(inputs.shape), str(model.acceptance.input.sample_shape))
        outputs = np.roll(inputs, 1, axis=1) if character.wrong else inputs
        return InferenceResult(outputs, np.full(len(inputs), int(character.slow * _LATENCY_US), np.int64))

    def _refusal(self, what: str) -> BoardRefused:
        return BoardRefused(self.url, what, group=1, code=1, words="not now")


@dataclass(frozen=True)
class SimulatedBench(Bench):
    """A bench with simulated boards; leases, quarantine, trail and releases are the workspace's."""

    devices: Devices = field(kw_only=True)

    @asynccontextmanager
    async def hold(
        self, entries: Sequence[BoardEntry], purpose: str, *, changes: bool = True, settles: bool = False
    ) -> AsyncIterator[HeldBoards]:
        async with super().hold(entries, purpose, changes=changes, settles=settles) as held:
            yield _SimulatedBoards(held, self.devices)


class _SimulatedBoards(HeldBoards):
    def __init__(self, held: HeldBoards, devices: Devices) -> None:
        super().__init__(held._bench, held._leases, held._tenure, held._urls)
        self._devices = devices

    def _open(self, entry: BoardEntry) -> DeviceSession:
        return SimulatedSession(self._devices, entry.name, self._tenure.tokens[entry.name])


def inventory_of(public_key: Path, staging: Sequence[str], production: Sequence[str]) -> Inventory:
    """Boards of these names."""
    pools = [*((name, "staging") for name in staging), *((name, "production") for name in production)]
    entries = [
        BoardEntry.model_validate({"name": name, "pool": pool, "url": f"socket://{name}:1"}) for name, pool in pools
    ]
    return Inventory(public_key=(public_key,), boards=tuple(entries))


_REQUESTS = ("open", "images", "health", "info", "echo", "install", "upload", "test", "reset", "confirm", "infer")


def random_character(random: Random) -> Character:
    """A board with something wrong: now and then for good, mostly for a while."""
    kind = random.choice(("faults", "faults", "faults", "silence", "wrong", "slow"))
    if kind == "wrong":
        return Character(wrong=True)
    if kind == "slow":
        return Character(slow=random.choice((1.2, 3.0)))
    if kind == "silence":
        return Character((Fault("*", random.randint(1, 60), "silent", random.choice((1, 5, 20, 10_000))),))
    return Character(tuple(_random_fault(random) for _ in range(random.randint(1, 3))))


def _random_fault(random: Random) -> Fault:
    effects: tuple[Effect, ...] = ("silent", "unanswered", "restarts", "refuses")
    return Fault(
        random.choice(_REQUESTS), random.randint(1, 6), random.choice(effects), random.choice((1, 1, 2, 3, 30))
    )


def count_uploads(devices: Devices, names: Sequence[str]) -> Counter[str]:
    """The most finished uploads that any of these boards has had of each image."""
    most: Counter[str] = Counter()
    for name in names:
        most |= Counter(devices.read(name).uploads)
    return most
