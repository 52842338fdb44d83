"""Dividing records into splits. Pure: it depends on the list alone."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np

from components.sensor_example_gen.sources.listing import Listing
from components.sensor_example_gen.sources.section import DataSection, Splits
from edge_deployer.errors import TinyopsError
from edge_deployer.tensors import Array

_SHOWN = 10
TRAIN, EVAL = "train", "eval"


def assign_splits(listing: Listing, section: DataSection, held_out: frozenset[str] | None = None) -> dict[str, Array]:
    """Divide records as a project says.

    By hash: ``sha256(key) mod sum(buckets)`` falls into one split's share of the buckets. The key is the record's
    group, else its contents or its name. So one person or recording never stands in two splits, and a record keeps its
    split when others are added.

    Args:
        listing: what to divide.
        section: `splits` says how.
        held_out: names of the records that are held out, where `splits.eval_list` names them.

    Returns:
        For each split the places of its records in the list, int64, ascending; the training split first.

    Raises:
        TinyopsError: a split is left empty, a held-out group or record is none of the data's, or a division by hand
            puts a group into both.
    """
    chosen = _chosen(listing, section.splits, held_out)
    splits = {split: np.flatnonzero(chosen == split) for split in (TRAIN, EVAL)}
    for split, places in splits.items():
        if not len(places):
            raise _empty_split(split, listing, section.splits)
    if listing.groups is not None:
        _require_apart(listing, listing.groups, splits, section.group)
    return splits


def require_learnable(listing: Listing, splits: dict[str, Array], section: DataSection) -> None:
    """See that what is held out can have been learnt.

    Raises:
        TinyopsError: train has one class only, or the other splits have a class that train lacks.
    """
    if listing.labels is None or section.classes is None:
        return
    trains = np.unique(listing.labels[splits[TRAIN]])
    if len(trains) == 1:
        raise _one_class(listing.labels, section, int(trains[0]))
    missing = np.setdiff1d(listing.labels, trains)
    if len(missing):
        names = [section.classes[label] for label in missing]
        first = listing.name(int(np.flatnonzero(listing.labels == missing[0])[0]))
        raise TinyopsError(
            f"split {TRAIN!r} has no record of {_shown(names)}, which split {EVAL!r} has, e.g. {first}",
            remedy="add records of that class, use a finer group, or change data.splits",
        )


def _one_class(labels: Array, section: DataSection, index: int) -> TinyopsError:
    assert section.classes is not None
    alone = len(np.unique(labels)) == 1
    where = "all records have" if alone else f"all records of split {TRAIN!r} have"
    remedy = "add records of the other classes"
    if not alone:
        remedy += ", use a finer group, or change the buckets in data.splits"
    return TinyopsError(
        f"{where} {section.label!r} {section.classes[index]}: with one class there is nothing to tell apart",
        remedy=remedy,
    )


def _chosen(listing: Listing, splits: Splits, held_out: frozenset[str] | None) -> Array:
    if listing.given is not None:
        return listing.given
    if held_out is not None:
        return _by_list(listing, held_out)
    if splits.eval_groups is not None:
        return _by_groups(listing, splits.eval_groups)
    names = np.repeat(list(splits.buckets), list(splits.buckets.values()))
    return names[[int.from_bytes(digest, "big") % len(names) for digest in _digests(listing)]]


def _digests(listing: Listing) -> Iterator[bytes]:
    if listing.groups is not None:
        return (hashlib.sha256(str(group).encode()).digest() for group in listing.groups)
    if listing.keys is not None:
        return (key.tobytes() for key in listing.keys)
    return (hashlib.sha256(listing.name(index).encode()).digest() for index in range(len(listing)))


def _by_list(listing: Listing, held_out: frozenset[str]) -> Array:
    names = {listing.name(index) for index in range(len(listing))}
    unknown = sorted(held_out - names - {found.record for found in listing.found})
    if unknown:
        raise TinyopsError(
            f"data.splits.eval_list names {unknown[0]!r}, which is no record"
            + (f", and {len(unknown) - 1} more" if len(unknown) > 1 else ""),
            remedy="give paths as they are below the source's folder, one in each line",
        )
    return np.array([EVAL if listing.name(index) in held_out else TRAIN for index in range(len(listing))])


def _by_groups(listing: Listing, held_out: list[str]) -> Array:
    if listing.groups is None:
        raise TinyopsError("data.splits.eval_groups needs groups", remedy="say in data.group which field has them")
    groups = listing.groups.astype(str)
    there = set(groups.tolist())
    for group in held_out:
        if group not in there:
            raise TinyopsError(
                f"data.splits.eval_groups: {group!r} is no group; there are {_shown(sorted(there))}",
                remedy="name groups that the data has",
            )
    return np.where(np.isin(groups, held_out), EVAL, TRAIN)


def _require_apart(listing: Listing, groups: Array, splits: dict[str, Array], name: str | None) -> None:
    where: dict[str, dict[str, int]] = defaultdict(dict)
    for split, places in splits.items():
        for group, first in zip(*np.unique(groups[places], return_index=True), strict=True):
            where[str(group)][split] = int(places[first])
    both = sorted(group for group, places in where.items() if len(places) > 1)
    if both:
        records = " and ".join(f"{listing.name(place)} ({split})" for split, place in where[both[0]].items())
        raise TinyopsError(
            f"{name} {both[0]} stands in two splits, by {records}"
            + (f"; so do {len(both) - 1} more" if len(both) > 1 else ""),
            remedy="divide by data.splits.eval_groups or by hash, or leave data.group out if it may be in both",
        )


def _empty_split(split: str, listing: Listing, splits: Splits) -> TinyopsError:
    by_hash = listing.given is None and splits.eval_groups is None and splits.eval_list is None
    share = ", ".join(f"{name} {count}" for name, count in splits.buckets.items())
    how = f", hash buckets {share}" if by_hash else ""
    if listing.groups is None or not by_hash:
        remedy = "add records, or give the split more buckets in data.splits" if by_hash else "correct data.splits"
        return TinyopsError(f"split {split!r} is left empty: {len(listing)} records{how}", remedy=remedy)
    sizes = Counter(listing.groups.tolist()).most_common()
    return TinyopsError(
        f"split {split!r} is left empty: {len(sizes)} groups ({_shown([f'{g}: {n}' for g, n in sizes])}){how}",
        remedy="change the buckets in data.splits until a group falls into each split, or use a finer group",
    )


def _shown(texts: list[str]) -> str:
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return ", ".join(texts[:_SHOWN]) + more
