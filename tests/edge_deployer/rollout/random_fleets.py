"""Fleets of boards that go wrong at random, and what is wrong once they have lived through rollouts."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path
from random import Random

from tests.edge_deployer.rollout.killed_controllers import killed
from tests.edge_deployer.rollout.simulated_fleet import random_character
from tests.edge_deployer.rollout.simulated_rollouts import Fleet, Releases, strategy, what_is_wrong


def random_terms(random: Random) -> dict[str, object]:
    chosen = strategy(
        max_failures=random.choice((0, 0, 1, "30%")),
        min_success=random.choice((None, 1.0, 0.7, 0.3)),
        retries=random.choice((0, 1, 2)),
        concurrency=random.choice((1, 3, 32)),
        latency_over_canary=random.choice((None, 1.5)),
        when_interrupted=random.choice(("finish", "take back")),
    )
    return {"takes_back": random.random() < 0.3, "strategy": chosen}


def random_fleet(random: Random, folder: Path, releases: Releases) -> Fleet:
    staging = tuple(f"s{number}" for number in range(random.randint(1, 3)))
    production = tuple(f"p{number}" for number in range(random.randint(2, 7)))
    most = 4 if random.random() < 0.3 and len(production) > 3 else 2
    faulty = random.sample((*staging, *production), random.randint(1, most))
    characters = {name: random_character(random) for name in faulty}
    empty = [name for name in (*staging, *production) if random.random() < 0.2] if random.random() < 0.3 else []
    return Fleet(folder, releases, staging, production, characters).make(empty=empty)


def lived_through(seed: int, folder: Path, releases: Releases) -> list[str]:
    """What is wrong after one to three rollouts over a fleet, and after one more once all boards are well again.

    Some begin with a controller that is killed.
    """
    random = Random(seed)
    folder.mkdir()
    fleet = random_fleet(random, folder, releases)
    if random.random() < 0.5:
        killed(fleet, random.randint(1, 100), random.choice(("before", "after")), **random_terms(random))
    for _ in range(random.randint(1, 3)):
        wanted = random.choice((releases.wanted, releases.wanted, releases.other, releases.bad))
        asyncio.run(fleet.start(wanted, **random_terms(random)))
    found = what_is_wrong(fleet)
    healed = replace(fleet, characters={})
    for name in healed.bench.quarantine.boards():
        healed.bench.quarantine.release(name, "a test")
    progress = asyncio.run(healed.start(releases.wanted))
    kept = healed.kept()
    if {kept[name] for name in healed.production} != {releases.wanted}:
        found.append(f"well again, and {progress.outcome} at {progress.gate}: {progress.reason}")
    found += [f"once well: {said}" for said in what_is_wrong(fleet)]
    shutil.rmtree(folder)
    return [f"seed {seed}: {said}" for said in found]


def found_wrong(seeds: range, folder: Path, releases: Releases) -> list[str]:
    """What is wrong with the fleets of these seeds."""
    return [said for seed in seeds for said in lived_through(seed, folder / str(seed), releases)]
