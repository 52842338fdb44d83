"""Whoever comes after a controller that was killed at a write of the trail, and what is wrong then."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from edge_deployer.rollout.controller import RolloutController
from tests.edge_deployer.rollout.killed_controllers import Side, killed
from tests.edge_deployer.rollout.simulated_rollouts import Fleet, Releases, what_is_wrong

Next = Callable[[Fleet], None]


def resumed(fleet: Fleet) -> None:
    history = fleet.history()
    if history and history[-1].state != "ended":
        asyncio.run(fleet.resume())
    else:
        asyncio.run(fleet.start(fleet.releases.wanted))
    assert fleet.history()[-1].outcome in ("promoted", "unchanged")
    assert set(fleet.kept().values()) == {fleet.releases.wanted}


def finished(fleet: Fleet) -> None:
    """Resumed; the rollout's record says what boards had before it, also of those that had nothing."""
    had = {past.plan.id: past.records for past in fleet.history()}
    resumed(fleet)
    last = fleet.history()[-1]
    for name, record in last.records.items():
        earlier = had.get(last.plan.id, {}).get(name)
        assert earlier is None or record.image_before == earlier.image_before, name


def begun_again(fleet: Fleet) -> None:
    asyncio.run(fleet.start(fleet.releases.wanted))
    assert set(fleet.kept().values()) == {fleet.releases.wanted}


def another(fleet: Fleet) -> None:
    asyncio.run(fleet.start(fleet.releases.other))
    assert set(fleet.kept().values()) == {fleet.releases.other}


def refused(fleet: Fleet) -> None:
    progress = asyncio.run(fleet.start(fleet.releases.bad))
    assert (progress.outcome, progress.gate) == ("refused", "staging")


def rolled_back(fleet: Fleet) -> None:
    history = fleet.history()
    if not history:
        return
    with closing(RolloutController(fleet.bench)) as controller:
        asyncio.run(controller.turn_back(history[-1].plan.id, "rollback", "a test", "to see"))
    assert set(fleet.kept().values()) == {fleet.releases.before}


NEXT: tuple[Next, ...] = (resumed, begun_again, another, refused, rolled_back)

NEXT_OF_NEW: tuple[Next, ...] = (finished, begun_again, another, refused)
"""Whoever comes after a kill of a rollout to boards that had nothing, and cannot be given that back."""


def usual(folder: Path, releases: Releases) -> Fleet:
    """Boards that all have a release."""
    return Fleet(folder, releases).make()


def new(folder: Path, releases: Releases) -> Fleet:
    """Boards without a release, but for one: they keep their first when all have accepted it, and never go back."""
    fleet = Fleet(folder, releases, staging=("s1", "s2"), production=("p1", "p2", "p3"))
    return fleet.make(empty=("s1", "s2", "p1", "p3"))


def points(
    fleet_folder: Path, releases: Releases, make: Callable[[Path, Releases], Fleet], every: int
) -> Iterator[tuple[int, Side, Fleet]]:
    """Each write of a rollout that is not disturbed, before and after; with a fleet whose controller died there."""
    number = 0
    while True:
        for side in ("before", "after"):
            number += 1
            if (number - 1) % every:
                continue
            folder = fleet_folder / str(number)
            folder.mkdir()
            fleet = make(folder, releases)
            if not killed(fleet, (number + 1) // 2, side):
                return
            yield (number + 1) // 2, side, fleet
            shutil.rmtree(folder)


def come_next(fleet: Fleet, then: Next) -> list[str]:
    """What is wrong once somebody has come next, on a copy of the fleet."""
    folder = fleet.folder / then.__name__
    folder.mkdir()
    for part in ("devices", "workspace"):
        shutil.copytree(fleet.folder / part, folder / part, symlinks=True)
    heir = Fleet(folder, fleet.releases, fleet.staging, fleet.production, fleet.characters)
    try:
        then(heir)
    except AssertionError as error:
        return [str(error).partition("\n")[0], *what_is_wrong(heir)]
    return what_is_wrong(heir)


def found_wrong(
    fleet_folder: Path,
    releases: Releases,
    make: Callable[[Path, Releases], Fleet],
    following: Sequence[Next],
    *,
    every: int = 1,
    in_turn: bool = False,
) -> list[str]:
    """What is wrong after every so many kills, each followed by all of these, or by one of them in turn."""
    found: list[str] = []
    count = 0
    for number, side, fleet in points(fleet_folder, releases, make, every):
        count += 1
        for then in (following[count % len(following)],) if in_turn else following:
            found += [f"{then.__name__} after a kill {side} entry {number}: {said}" for said in come_next(fleet, then)]
    assert count > 1
    return found
