"""What the controller itself costs: a rollout over simulated boards, in processor time and memory.

    .venv/bin/python -m benchmarks.rollout

A device step is an intent of the journal: what is about to be done to a board. Boards answer at once, from memory, and
are examined as production boards are; their side of it counts, too. The trail is on a RAM disk, where a sync costs
nothing, so that the time of a disk is apart.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from benchmarks.rows import Row
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.boards.trail import Trail
from edge_deployer.profile import load_profile
from edge_deployer.release.bundle import Bundle, Candidate
from edge_deployer.release.keys import load_or_create_signing_key
from edge_deployer.release.manifest import Provenance
from edge_deployer.release.store import ReleaseStore
from edge_deployer.release.validation import Terms, validate_model
from edge_deployer.rollout.controller import RolloutController
from edge_deployer.rollout.strategy import Strategy
from edge_deployer.rollout.terms import RolloutTerms
from tests.edge_deployer.candidates import one_hot_samples
from tests.edge_deployer.rollout.simulated_fleet import Devices, SimulatedBench, inventory_of
from tests.edge_deployer.tiny_models import identity_classifier

FEW, MANY, WAVES = 100, 10_000, 100
RUNS = 5
_PLAN = AcceptancePlan(golden_vectors=3, better_than_constant=False)


@dataclass(frozen=True)
class Cost:
    """Of one rollout."""

    steps: int
    seconds: float  # Of the processor.
    memory: int  # Bytes: how much higher the process's high water stands than before it.

    def step_ms(self, less_s: float = 0.0, less_steps: int = 0) -> float:
        """Milliseconds of the processor a device step, without so many seconds and steps."""
        return 1_000 * (self.seconds - less_s) / (self.steps - less_steps)


def measure_rollout(folder: Path) -> list[Row]:
    """The controller's cost with few boards and with many, and how it grows.

    What a rollout to a single production board costs, with the staging before it, is taken off first: a step with few
    boards is not to look dear, and that with many cheap beside it.
    """
    folder.mkdir()
    bare, few, many = [[_measured(folder, boards) for _ in range(RUNS)] for boards in (1, FEW, MANY)]
    own = statistics.median(cost.seconds for cost in bare)
    little, much = [statistics.median(cost.step_ms(own, bare[0].steps) for cost in costs) for costs in (few, many)]
    whole = statistics.median(cost.step_ms() for cost in many)
    memory = max(cost.memory for cost in many) / 2**20
    command = "python -m benchmarks.rollout"
    what = f"{MANY:,} simulated boards in {WAVES} waves"
    growth = f"{much:.2f} ms, {much / little:.2f} times the {little:.2f} ms of {FEW} boards"
    return [
        Row(f"controller: processor time a device step, {what}, on a RAM disk", f"{whole:.2f} ms", "1 ms", command),
        Row("the same without what a rollout to one board costs", growth, "within 15 %", command),
        Row(f"memory for {what}", f"{memory:.0f} MB", "300 MB", command),
    ]


def _measured(folder: Path, boards: int) -> Cost:
    """One rollout in a process of its own, whose high water is nobody else's."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_roll_out, (folder, boards))


def _roll_out(folder: Path, boards: int) -> Cost:
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else folder) as place:
        before, bundle, bench = _bench(Path(place), boards)
        bench.devices.provision([entry.name for entry in bench.inventory.boards], before)
        share = max(1, boards // WAVES)
        waves = [{"boards": share} for _ in range(WAVES - 1)]
        strategy = Strategy.model_validate({"waves": [*waves, {}]})
        terms = RolloutTerms(acceptance=_PLAN, strategy=strategy, by="a measurement")
        high_water = _high_water()
        with closing(RolloutController(bench)) as controller:
            began = time.process_time()
            progress = asyncio.run(controller.start(bundle, terms))
            seconds = time.process_time() - began
        assert progress.outcome == "promoted"
        with closing(Trail(bench.fleet)) as trail:
            steps = len(trail.entries(kind="intent"))
        return Cost(steps, seconds, _high_water() - high_water)


def _bench(folder: Path, boards: int) -> tuple[str, Bundle, SimulatedBench]:
    """Boards with an earlier release, which is named, and the release that they are to get."""
    key = load_or_create_signing_key(folder / "signing.pem")
    public = folder / "public.pem"
    public.write_bytes(key.public_pem)
    store = ReleaseStore(folder / "workspace" / "releases")
    before, after = (store.release(_candidate(name), version="1.0.0", key=key) for name in ("before", "after"))
    devices = Devices(None, {bundle.image.hash.hex(): bundle for bundle in (before, after)})
    inventory = inventory_of(public, ("s1", "s2"), [f"p{number}" for number in range(boards)])
    return before.image.hash.hex(), after, SimulatedBench(inventory, folder / "workspace", devices=devices)


def _candidate(name: str) -> Candidate:
    model, bounds = identity_classifier(), Terms(better_than_constant=False)
    samples, profile = one_hot_samples(4, 240), load_profile("cortex-m4")
    found = validate_model(model, profile, samples, acceptance_samples=200, seed=0, terms=bounds)
    assert found.acceptance is not None
    return Candidate(
        name=name,
        model=model,
        acceptance=found.acceptance,
        arena_bytes=found.report.arena_bytes,
        board_profile="cortex-m4",
        provenance=Provenance(run_id="run-1", git_commit="c0ffee"),
        metrics={"accuracy": found.report.quality or 0.0},
        sources={},
    )


def _high_water() -> int:
    return 1_024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as own:
        for row in measure_rollout(Path(own) / "rollout"):
            print(f"{row.what}: {row.figure} ({row.goal})")
