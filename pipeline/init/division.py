"""How records are divided, and what a release must show with so many held out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np

from components.sensor_example_gen.sources.listing import Listing
from components.sensor_example_gen.sources.section import DataSection, Splits
from components.sensor_example_gen.splits import EVAL, TRAIN, assign_splits, require_learnable
from edge_deployer.acceptance.checks.accuracy import require_better_than_constant
from edge_deployer.acceptance.checks.mae import Mae
from edge_deployer.acceptance.feasibility import samples_needed
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.errors import TinyopsError
from edge_deployer.tensors import Array
from pipeline.init.proposal import Choice, Grouping

_RATES: Final = {"alpha": 0.1, "beta": 0.1}
_PLANS: Final[tuple[Mapping[str, Any], ...]] = (
    {},
    _RATES,
    {**_RATES, "labels": {"bad": 0.1}, "outputs": {"bad": 0.1}, "against_production": {"margin": 0.1}},
    {**_RATES, "labels": {"bad": 0.2}, "outputs": {"bad": 0.2}, "against_production": {"margin": 0.2}},
)
"""Acceptance plans, the strictest first: each asks for fewer samples than the one before."""
_BUCKETS: Final = ((4, 1), (3, 1), (2, 1))
_NAMED_GROUPS: Final = 20
"""As many groups can be chosen from by hand; more are divided by their hash."""
_HELD_OUT: Final = (0.2, 0.33)
"""Shares of the records; the second where the first leaves too little."""
_MOST_HELD_OUT: Final = 0.5
_MOST_TRIED: Final = 2000
_FAIR_SKEW: Final = 0.3
"""Most that a class's share may differ between the splits."""


@dataclass(frozen=True)
class Held:
    """The samples of each split."""

    train: int
    eval: int
    train_counts: tuple[int, ...]  # Samples of each class; empty for a regression.
    eval_counts: tuple[int, ...]
    targets: Array | None = None  # Of the held-out samples.

    @property
    def majority(self) -> float:
        """Share of the commonest class among the held-out samples."""
        return max(self.eval_counts) / max(1, sum(self.eval_counts))


@dataclass(frozen=True)
class Division:
    """A way to divide, and the strictest plan that its held-out samples can decide."""

    grouping: Grouping
    splits: Choice
    held: Held
    plan: Mapping[str, Any]

    @property
    def strictness(self) -> int:
        """0 for the plan's defaults, more for each step that asks for less."""
        return _PLANS.index(self.plan)


def divide(listing: Listing, counts: Array, section: DataSection, grouping: Grouping) -> Division | None:
    """The best way to divide records, with the groups that the listing has; None where no way serves.

    Args:
        listing: of all records, with groups where `grouping` names some.
        counts: samples of each record, shape ``(n,)``.
        section: the project's; its splits do not count, unless the listing has been given them.
        grouping: by what records are grouped.
    """
    found = list(_divisions(listing, counts, section, grouping))
    return min(found, key=lambda division: division.strictness, default=None)


def too_little(listing: Listing, counts: Array, what: str) -> TinyopsError:
    """The error where no plan can be decided."""
    needed = _needed(_PLANS[-1], labelled=listing.labels is not None)
    buckets = _BUCKETS[0]
    return TinyopsError(
        f"{what} makes {int(counts.sum())} samples of {len(listing)} records, and no division of them leaves "
        f"{needed} that are held out, with every label in both splits",
        remedy=(
            f"collect more: with {needed * sum(buckets) // buckets[1]} samples a release can be tried, with "
            f"{_needed(_PLANS[0], labelled=True) * sum(buckets) // buckets[1]} at 95 %; of each label several records"
        ),
    )


def _divisions(listing: Listing, counts: Array, section: DataSection, grouping: Grouping) -> Iterator[Division]:
    for splits, why in _ways(listing, section):
        trial = section.model_copy(update={"splits": Splits.model_validate(splits)})
        try:
            places = assign_splits(listing, trial)
            require_learnable(listing, places, trial)
        except TinyopsError:
            continue
        held = held_by(listing, counts, places, len(section.classes or ()))
        if not _is_fair(held):
            continue
        plan = next((plan for plan in _PLANS if _suffices(plan, held)), None)
        if plan is not None:
            yield Division(grouping, Choice("splits", splits, why), held, plan)


def _ways(listing: Listing, section: DataSection) -> Iterator[tuple[dict[str, Any], str]]:
    """Fields of `data.splits`, and why."""
    if listing.given is not None:
        yield section.splits.model_dump(exclude_unset=True), "the data has its own division"
        return
    if listing.groups is not None and len(np.unique(listing.groups)) <= _NAMED_GROUPS:
        for share in _HELD_OUT:
            chosen = _groups_to_hold_out(listing, share)
            if chosen is not None:
                shares = len(chosen), len(np.unique(listing.groups))
                yield {"eval_groups": chosen}, f"{shares[0]} of {shares[1]} held out: the evaluation is of what is new"
        return
    of = "groups" if listing.groups is not None else "records"
    for train, held in _BUCKETS:
        why = f"by hash: {train} parts of the {of} train, {held} is held out"
        yield {"train": train, "eval": held}, why


def _groups_to_hold_out(listing: Listing, share: float) -> list[str] | None:
    """The groups that come nearest to a share of the records, with the labels as all have them."""
    assert listing.groups is not None
    names, which = np.unique(listing.groups.astype(str), return_inverse=True)
    labels = np.zeros(len(listing), np.int64) if listing.labels is None else listing.labels
    table = np.zeros((len(names), int(labels.max()) + 1), np.int64)
    np.add.at(table, (which.ravel(), labels), 1)
    best: tuple[float, tuple[int, ...]] | None = None
    for tried, chosen in enumerate(_some_of(len(names))):
        badness = _badness(table, chosen, share)
        if badness is not None and (best is None or badness < best[0]):
            best = badness, chosen
        if tried > _MOST_TRIED:
            break
    return None if best is None else [str(names[index]) for index in best[1]]


def _some_of(groups: int) -> Iterator[tuple[int, ...]]:
    for count in range(1, max(2, groups // 2 + 1)):
        yield from combinations(range(groups), count)


def _badness(table: Array, chosen: Sequence[int], wanted: float) -> float | None:
    """How far held-out groups are from a share of all, and their labels from those of all; None if one is lacking."""
    held = table[list(chosen)].sum(axis=0)
    rest = table.sum(axis=0) - held
    there = table.sum(axis=0) > 0
    if not (held[there] > 0).all() or not (rest[there] > 0).all():
        return None
    share = held.sum() / table.sum()
    skew = abs(held / held.sum() - table.sum(axis=0) / table.sum()).max()
    return None if share > _MOST_HELD_OUT else float(abs(share - wanted) + skew)


def held_by(listing: Listing, counts: Array, places: Mapping[str, Array], classes: int) -> Held:
    """The samples of a division."""
    sizes = {split: int(counts[where].sum()) for split, where in places.items()}
    if listing.labels is None:
        targets = None if listing.targets is None else listing.targets[places[EVAL]].reshape(len(places[EVAL]), -1)
        return Held(sizes[TRAIN], sizes[EVAL], (), (), targets)
    of = {
        split: tuple(np.bincount(listing.labels[where], counts[where], classes).astype(int).tolist())
        for split, where in places.items()
    }
    return Held(sizes[TRAIN], sizes[EVAL], of[TRAIN], of[EVAL])


def _is_fair(held: Held) -> bool:
    """Whether every class is in both splits, and in about the same share."""
    if not held.train_counts:
        return True
    train, held_out = np.array(held.train_counts), np.array(held.eval_counts)
    there = train + held_out > 0
    apart = abs(train / train.sum() - held_out / max(1, held_out.sum())).max()
    return bool((held_out[there] > 0).all() and (train[there] > 0).all() and apart <= _FAIR_SKEW)


def _suffices(plan: Mapping[str, Any], held: Held) -> bool:
    labelled = bool(held.eval_counts)
    if held.eval < _needed(plan, labelled=labelled):
        return False
    if labelled:
        try:
            require_better_than_constant(AcceptancePlan.model_validate(plan), held.eval_counts)
        except TinyopsError:
            return False
    return True


def _needed(plan: Mapping[str, Any], *, labelled: bool) -> int:
    whole = AcceptancePlan.model_validate(plan)
    return max(whole.golden_vectors, *samples_needed(whole, labelled=labelled, computed=True).values())


def floors(held: Held, plan: Mapping[str, Any]) -> tuple[tuple[Choice, ...], tuple[Choice, ...]]:
    """What a model must reach, and what boards are asked: fields of `evaluate` and of `acceptance`.

    A model has learnt something if it leaves at most half of the errors that the best constant answer has.
    """
    asked = tuple(Choice(name, value, _WHY.get(name, "")) for name, value in plan.items())
    if held.eval_counts:
        floor = np.floor((1 + held.majority) / 2 * 100) / 100
        why = (
            f"of the int8 model; always naming the commonest label has {held.majority:.2f}: half of its errors at most"
        )
        drop = Choice("max_drop", 0.05, "against the latest model that was blessed")
        return (Choice("min_accuracy", float(min(floor, 0.99)), why), drop), asked
    assert held.targets is not None
    constant = float(np.abs(held.targets - np.median(held.targets, axis=0)).mean())
    ceiling = float(f"{constant / 2:.2g}")
    why = f"mean absolute error; always answering the median has {constant:.3g}: half of that at most"
    largest = float(np.ptp(held.targets)) * 1.5
    mae = {"ceiling": ceiling, "margin": ceiling}
    boards = (*asked, Choice("mae", mae, "of boards; one as bad as the constant answer is bad"))
    rise = Choice("max_rise", 0.1, "share of its error over the latest model that was blessed")
    if not _decides(mae, plan, largest, held.eval):
        return (Choice("max_mae", ceiling, why), rise), asked
    return (Choice("max_mae", ceiling, why), rise), boards


def _decides(mae: Mapping[str, float], plan: Mapping[str, Any], largest: float, samples: int) -> bool:
    """Whether so many samples decide of a ceiling, with errors that are not nothing."""
    whole = AcceptancePlan.model_validate({**plan, "mae": {**mae, "largest_error": largest}})
    needed = samples_needed(whole, labelled=False, computed=True)
    section = whole.section(Mae)
    return section is not None and samples >= _ROOM * needed["mae"]


_ROOM: Final = 4
"""How many times the samples that faultless answers need are wanted for such as err."""
_WHY: Final = {
    "alpha": "a good release is refused with this probability: for 5 % there are too few held-out samples",
    "beta": "a bad one is accepted with this probability",
    "labels": "a board that names so many otherwise than TensorFlow Lite Micro is bad",
    "outputs": "and one whose outputs are off so often",
    "against_production": "accuracy that a release must not lose",
}
