"""Rollouts over a simulated fleet, and what has to hold when they have ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.boards.record import BoardRecord
from edge_deployer.boards.trail import Entry, Trail, faults_in
from edge_deployer.release.bundle import Bundle, read_bundle
from edge_deployer.report.replay import replay
from edge_deployer.rollout.controller import RolloutController
from edge_deployer.rollout.record import Progress, rollouts
from edge_deployer.rollout.strategy import Strategy, WaveTerms
from edge_deployer.rollout.terms import RolloutTerms
from tests.edge_deployer.rollout.simulated_fleet import Character, Devices, SimulatedBench, inventory_of

PLAN = AcceptancePlan(golden_vectors=3, better_than_constant=False)
THREE_WAVES = (WaveTerms(boards=1), WaveTerms(boards=4), WaveTerms())


def strategy(**fields: object) -> Strategy:
    """Three waves, and no waiting."""
    return Strategy.model_validate({"waves": THREE_WAVES, "backoff_s": 0.0001, **fields})


@dataclass(frozen=True)
class Releases:
    """Releases that a fleet's workspaces share."""

    folder: Path
    public_key: Path
    before: str  # Hex image hash of the one that boards have at first.
    wanted: str
    other: str
    bad: str  # No board accepts it.

    @cached_property
    def bundles(self) -> dict[str, Bundle]:
        pem = self.public_key.read_bytes()
        hashes = (self.before, self.wanted, self.other, self.bad)
        return {image: read_bundle(self.folder / image, public_pem=pem) for image in hashes}


@dataclass(frozen=True)
class Fleet:
    """A workspace with its simulated boards."""

    folder: Path
    releases: Releases
    staging: tuple[str, ...] = ("s1",)
    production: tuple[str, ...] = tuple(f"p{number}" for number in range(1, 12))
    characters: Mapping[str, Character] = field(default_factory=dict)

    @cached_property
    def devices(self) -> Devices:
        return Devices(self.folder / "devices", self.releases.bundles, self.characters)

    @property
    def boards(self) -> tuple[str, ...]:
        return (*self.staging, *self.production)

    @cached_property
    def bench(self) -> SimulatedBench:
        inventory = inventory_of(self.releases.public_key, self.staging, self.production)
        return SimulatedBench(inventory, self.folder / "workspace", devices=self.devices)

    def make(self, *, empty: Sequence[str] = ()) -> Fleet:
        """Boards that have the release from before, but for those that are empty."""
        (self.folder / "devices").mkdir()
        (self.folder / "workspace").mkdir()
        (self.folder / "workspace" / "releases").symlink_to(self.releases.folder)
        self.devices.provision([name for name in self.boards if name not in empty], self.releases.before)
        return self

    async def start(self, image: str, **given: object) -> Progress:
        with closing(RolloutController(self.bench)) as controller:
            return await controller.start(self.releases.bundles[image], terms(**given))

    async def resume(self) -> Progress:
        with closing(RolloutController(self.bench)) as controller:
            return await controller.resume(controller.history()[-1].plan.id)

    def history(self) -> list[Progress]:
        with closing(Trail(self.bench.fleet)) as trail:
            return rollouts(trail)

    def kept(self) -> dict[str, str | None]:
        """What each board runs for good."""
        return {name: self.devices.read(name).kept for name in self.boards}


def terms(**given: object) -> RolloutTerms:
    fields: dict[str, object] = {"acceptance": PLAN, "strategy": strategy(), "by": "a test"}
    return RolloutTerms(**{**fields, **given})  # type: ignore[arg-type]


def what_is_wrong(fleet: Fleet) -> list[str]:
    """What does not hold of a fleet whose rollouts have all ended, in words; nothing if all is well."""
    with closing(Trail(fleet.bench.fleet)) as trail:
        found, history = list(faults_in(trail.entries())), rollouts(trail)
    found += [f"{past.plan.id} is {past.state}" for past in history if past.state != "ended"]
    if found:
        return found
    with closing(RolloutController(fleet.bench)) as controller:
        told = [controller.deployment(past, fleet.releases.bundles[past.plan.release.image_hash]) for past in history]
    for past, deployment in zip(history, told, strict=True):
        forgotten = set(past.plan.boards) - {record.name for record in deployment.boards}
        found += [f"{past.plan.id} forgot {name}" for name in forgotten]
    # Their evidence says how each of them ended, or nothing against it.
    for past, deployment in zip(history, told, strict=True):
        again = [each for each in replay(deployment) if each.same is False]
        found += [f"{past.plan.id} replays otherwise: {each.name}, {each.differences}" for each in again]
    for name in fleet.boards:
        flash = fleet.devices.read(name)
        records = [record for deployment in told for record in deployment.boards if record.name == name]
        found += [f"{name}: {said}" for said in _wrong_of_board(fleet, records, name)]
        given = Counter(past.plan.release.image_hash for past in history)
        found += [f"{name}: {image[:8]} installed {n} times" for image, n in flash.uploads.items() if n > given[image]]
    return found


def _wrong_of_board(fleet: Fleet, records: Sequence[BoardRecord], name: str) -> list[str]:
    flash, found = fleet.devices.read(name), []
    last = next((record for record in reversed(records) if record.answer != "not asked"), None)
    if last is not None and (last.answer == "silent" or last.outcome == "not restored"):
        # It is on record that nobody knows; of a board that always answers, somebody has to.
        if name not in fleet.characters:
            found.append(f"is on record as {last.answer}, {last.outcome}")
        # What it is left with when its power comes back.
        while not flash.at_rest:
            flash.restart()
    elif not flash.at_rest:
        found.append(f"{'on trial' if flash.on_trial else 'waits'}, and its record says {last and last.outcome}")
    elif last is not None and last.image_after != flash.kept:
        found.append(f"runs {str(flash.kept)[:8]}, and its record says {str(last.image_after)[:8]}")
    if flash.kept not in {None, fleet.releases.before, *_verified_on(fleet, name)}:
        found.append(f"runs {str(flash.kept)[:8]}, which nobody verified")
    return found


def _verified_on(fleet: Fleet, name: str) -> set[str]:
    """Images that the board was seen to accept, and those that it had already when they were rolled out again."""
    found = set()
    with closing(Trail(fleet.bench.fleet)) as trail:
        images = {past.plan.id: past.plan.release.image_hash for past in rollouts(trail)}
        for entry in trail.entries(kind="s%"):
            for record in _records_in(entry):
                accepts = record.verdict is not None and record.verdict.accepted
                if record.name == name and (accepts or record.outcome == "unchanged"):
                    found.add(images[entry.rollout])
    return found


def _records_in(entry: Entry) -> list[BoardRecord]:
    records = {"settled": lambda: [entry.content["record"]], "staging judged": lambda: entry.content["records"]}
    return [BoardRecord.model_validate(record) for record in records.get(entry.kind, list)()]
