"""A seeded campaign of faults over whole installs: ``python -m benchmarks.fault_campaign [--faults N] [--seed S]``.

Each round gives a board a random fault plan and has a session install, test, examine and confirm a release, as a
release engineer would. A round fails the campaign if the session called a release right that the board did not run
right, or if the board, healthy again and power cycled, does not run one of the verified releases right.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.virtual_bench import VirtualBench, virtual_bench
from edge_deployer.release.image import SignedImage
from edge_deployer.session import SessionError
from edge_deployer.tensors import Array
from edge_deployer.tflm import TflmRunner
from edge_deployer.virtual_board.control import BoardControl
from edge_deployer.virtual_board.faults import (
    HEALTHY,
    FaultKind,
    FaultPlan,
    LateReplies,
    LineNoise,
    PowerCutAt,
    Reset,
    Stuck,
    TflmCrash,
    Vanish,
)
from tests.edge_deployer import tiny_models
from tests.edge_deployer.sessions import session_with

_BOARDS = 6
_SAMPLES = 24
_CLASSES = 64
_PADDING = 12_000
_REQUEST_TIMEOUT_S = 0.3
_NOISE = (0.0, 1e-6, 1e-5, 1e-4)
_LOSS = (0.0, 0.0, 1e-5, 1e-4)


@dataclass(frozen=True)
class Release:
    """A release and what it answers.

    Attributes:
        image: the signed image.
        outputs: the reference's outputs for the campaign's inputs.
    """

    image: SignedImage
    outputs: Array


@dataclass
class Tally:
    """What the campaign has seen.

    Attributes:
        faults: injected faults by kind.
        rounds: installs begun.
        right: installs that the session called right.
        failures: sentences, one for each round that must not be.
    """

    faults: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    right: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def injected(self) -> int:
        """Faults that do harm: a short read only delays."""
        return self.faults.total() - self.faults[FaultKind.SHORT_READ.value]


def random_plan(chance: random.Random) -> FaultPlan:
    """Noise on most lines, and one or two of the graver faults."""

    def noise() -> LineNoise:
        return LineNoise(bit_flips=chance.choice(_NOISE), lost_bytes=chance.choice(_LOSS))

    grave = {
        "vanish": Vanish(after_bytes=chance.randint(100, 20_000), seconds=chance.uniform(0, 0.5)),
        "stuck": Stuck(request=chance.randint(1, 40), seconds=chance.uniform(0.1, 1.0)),
        "reset": Reset(request=chance.randint(1, 40), when=chance.choice(("before", "after"))),
        "power_cut": PowerCutAt(operation=chance.randint(1, 40), share=chance.random()),
        "tflm_crash": TflmCrash(inference=chance.randint(1, _SAMPLES), signal=chance.choice(("SIGSEGV", "SIGABRT"))),
        "late_replies": LateReplies(probability=0.05, seconds=chance.uniform(0.1, 1.0)),
        "duplicate_replies": 0.1,
        "short_reads": chance.randint(1, 40),
        "false_hash": True,
        "wrong_outputs": 0.1,
    }
    chosen = chance.sample(sorted(grave), chance.randint(0, 2))
    seed = chance.randrange(1 << 30)
    return FaultPlan.model_validate(
        {"seed": seed, "to_board": noise(), "to_client": noise(), **{name: grave[name] for name in chosen}}
    )


class Campaign:
    """Rounds on several boards at once.

    Args:
        bench: the boards, healthy.
        seed: what happens follows from it, but for the timing of the machine.
        faults: end when so many have been injected.
    """

    def __init__(self, bench: VirtualBench, *, seed: int, faults: int) -> None:
        self.tally = Tally()
        self._bench, self._seed, self._target = bench, seed, faults
        self._inputs = np.random.default_rng(seed).integers(-128, 128, (_SAMPLES, _CLASSES), np.int8)
        models = (tiny_models.identity_classifier(_CLASSES), tiny_models.rotating_classifier(_CLASSES))
        self._releases = [self._release(model, f"1.0.{number}") for number, model in enumerate(models)]

    async def run(self) -> None:
        """Until enough faults have been injected."""
        await asyncio.gather(*(self._rounds(number) for number in range(len(self._bench.directories))))

    def _release(self, model: bytes, version: str) -> Release:
        runner = TflmRunner(model, arena_bytes=1 << 16)
        try:
            # Padding that does not compress makes an upload of many messages.
            padded = model + random.Random(version).randbytes(_PADDING)
            return Release(self._bench.sign(padded, version), runner.run(self._inputs))
        finally:
            runner.close()

    async def _rounds(self, number: int) -> None:
        chance = random.Random(f"{self._seed}/{number}")
        directory = self._bench.directories[number]
        with BoardControl(directory) as control:
            await self._install(directory, self._releases[0])
            installed = 0
            while self.tally.injected < self._target:
                installed += 1
                await self._round(directory, control, random_plan(chance), self._releases[installed % 2])

    async def _round(self, directory: Path, control: BoardControl, plan: FaultPlan, release: Release) -> None:
        before = Counter(control.counters()["faults"])
        await asyncio.to_thread(control.set_faults, plan)
        right = True
        try:
            await self._install(directory, release)
        except SessionError:
            right = False
        await asyncio.to_thread(control.set_faults, HEALTHY)
        self.tally.faults += Counter(control.counters()["faults"]) - before
        self.tally.rounds += 1
        self.tally.right += right
        await asyncio.to_thread(control.power, "cycle")
        running = await self._running(directory)
        if running is None:
            self._fail(directory, plan, "does not run a verified release right")
        elif right and running is not release:
            self._fail(directory, plan, "runs another release than the session confirmed")

    def _fail(self, directory: Path, plan: FaultPlan, words: str) -> None:
        sentence = f"{directory.name} {words} after {plan.model_dump_json(exclude_defaults=True)}"
        self.tally.failures.append(sentence)
        print(sentence, flush=True)

    async def _install(self, directory: Path, release: Release) -> None:
        """Install, test, examine and confirm.

        Raises:
            SessionError: the board, its line or the release is not right.
        """
        url = str(directory / "line")
        async with session_with(url, line_rate=0, request_timeout_s=_REQUEST_TIMEOUT_S) as session:
            await session.install(release.image.data)
            await session.test(release.image.hash)
            await session.reset()
            info = await session.info()
            outputs = (await session.infer(self._inputs)).outputs
            if info.image_hash != release.image.hash or not np.array_equal(outputs, release.outputs):
                raise SessionError(url, "the release does not run right", remedy="none: the campaign counts it")
            await session.confirm(release.image.hash)
            active = [state for state in await session.images() if state.active and state.confirmed]
            if [state.hash for state in active] != [release.image.hash]:
                raise SessionError(url, "the release is not confirmed", remedy="none: the campaign counts it")

    async def _running(self, directory: Path) -> Release | None:
        """The release that a healthy board runs right; None if there is none."""
        async with session_with(str(directory / "line"), line_rate=0) as session:
            if any(not state.confirmed for state in await session.images() if state.active):
                await session.reset()
            info = await session.info()
            outputs = (await session.infer(self._inputs)).outputs
        for release in self._releases:
            if info.image_hash == release.image.hash and np.array_equal(outputs, release.outputs):
                return release
        return None


def main() -> int:
    """Run a campaign; 0 if nothing failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=10_000, help="inject at least this many")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        virtual_bench(Path(folder) / "bench", count=_BOARDS, line_rate=0) as bench,
    ):
        campaign = Campaign(bench, seed=arguments.seed, faults=arguments.faults)
        asyncio.run(campaign.run())
    tally = campaign.tally
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(tally.faults.items()))
    took_s = time.monotonic() - began
    print(f"{tally.injected} faults besides short reads in {tally.rounds} installs, {took_s:.0f} s: {kinds}")
    print(f"{tally.right} installs called right; {len(tally.failures)} failures")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
