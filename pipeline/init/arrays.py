"""An `.npz` file: which array is the input, which the label or the target, which the group."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from edge_deployer.array_files import opened_npz
from edge_deployer.errors import TinyopsError
from edge_deployer.release.labelled_data import checked_inputs
from edge_deployer.tensors import Array
from pipeline.init.folder import records_in, require_there
from pipeline.init.labelled import class_choice, some_of, split_choice
from pipeline.init.names import classes_of, says_split
from pipeline.init.proposal import MOST_CLASSES, Choice, Grouping, Network, Survey
from pipeline.init.ranges import ranges_of, scale_choice
from pipeline.init.roles import called, role_of

_REMEDY: Final = "save plain numeric arrays with numpy.savez, a row for each sample"
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST_LOOKED_AT: Final = 1 << 24
"""Values by which the range is told."""
_LONG_ROW: Final = 64
"""Values of a row from which on it is a signal, and below which a table's."""
_MOST_AXES: Final = 16
_FEW: Final = 20
"""Whole values in an array of floats that are rather classes."""
_LEAST_GROUPS: Final = 3


def survey(place: Path) -> Survey:
    """Look at all arrays of a file, or of the one file in a folder.

    Raises:
        TinyopsError: there is no such file, or it has no array that can be the input, or none that says the answers.
    """
    path = _file(place)
    arrays = _arrays(path)
    count = _samples(path, arrays)
    rows = {name: values for name, values in arrays.items() if len(values) == count and _NAME.fullmatch(name)}
    samples = _input(path, rows)
    others = {name: values for name, values in rows.items() if name != samples}
    split = next((name for name, values in others.items() if _is_split(values)), None)
    _require_plain_answers(path, others)
    label = _label(others, split)
    target = None if label is not None else _target(others)
    if label is None and target is None:
        raise TinyopsError(
            f"{path}: {samples!r} can be the samples, and no other array has a label or a value for each row",
            remedy=("save class indices from 0 up as integers, or values to answer as floats, one for each sample"),
        )
    answers = _classes(path, label, arrays) if label is not None else _targets(str(target))
    shape = checked_inputs(arrays[samples], samples, path).shape[1:]
    network = _network(path, shape)
    told = others[str(label or target)]
    empty = (
        [] if label is None or told.dtype.kind == "U" else np.setdiff1d(np.arange(int(told.max()) + 1), told).tolist()
    )
    return Survey(
        choices=(
            Choice("input", samples, f"the array of samples, {_dtype(arrays[samples])}, and the model's input"),
            Choice("shape", list(shape), "of a sample"),
            *answers,
        ),
        network=network,
        found=(_said(path, count, arrays), *(_said_target(told) if target is not None else ())),
        groupings=_groupings(others, {label, target, split}),
        split=None if split is None else (split_choice(split, sorted(set(others[split].tolist()))),),
        features=scale_choice(ranges_of(_some(arrays[samples], one_range=network in ("pictures", "signal")))),
        notices=(f"class {empty[0]} has no sample: labels count from 0",) if empty else (),
        gates=(Choice("class_examples", "warn", f"class {empty[0]} has no sample"),) if empty else (),
        outputs=int(np.prod(told.shape[1:])),
    )


def _file(place: Path) -> Path:
    require_there(place)
    if not place.is_dir():
        return place
    found = records_in(place, "arrays")
    if len(found) > 1:
        raise TinyopsError(f"{place} has {len(found)} files of arrays: {some_of(found)}", remedy="name one of them")
    return place / found[0]


def _arrays(path: Path) -> dict[str, Array]:
    with opened_npz(path, f"data file {path}", remedy=_REMEDY) as archive:
        return {name: values for name, values in archive.read(archive.names).items() if values.ndim}


def _samples(path: Path, arrays: Mapping[str, Array]) -> int:
    """Rows that most arrays have: of equals the more."""
    counts = Counter(len(values) for values in arrays.values())
    if not counts:
        raise TinyopsError(f"{path} has no array with rows", remedy=_REMEDY)
    parts = [name for name in arrays if "train" in name.lower()]
    if parts and any("test" in name.lower() for name in arrays):
        raise TinyopsError(
            f"{path} has arrays for each split ({some_of(sorted(arrays))}); a project takes one array of samples",
            remedy="join them, and add a text array `split` that says train or test of each row",
        )
    return max(counts, key=lambda rows: (counts[rows] > 1, rows))


def _input(path: Path, rows: Mapping[str, Array]) -> str:
    """The array with the largest rows."""
    may_be = {name: values for name, values in rows.items() if values.dtype.kind in "iufb" and values.ndim > 1}
    if not may_be:
        shapes = ", ".join(f"{name} {_dtype(values)}{list(values.shape)}" for name, values in rows.items())
        raise TinyopsError(f"{path} has no array that can be the samples: {shapes}", remedy=_REMEDY)
    named = [name for name in may_be if role_of(name) in (None, "recording")]
    return max(named or may_be, key=lambda name: may_be[name].size)


def _is_split(values: Array) -> bool:
    return values.dtype.kind == "U" and values.ndim == 1 and says_split(values.tolist())


def _require_plain_answers(path: Path, others: Mapping[str, Array]) -> None:
    """See that what is called a label is not classes in the form of real values."""
    for name, values in others.items():
        if role_of(name) != "label" or values.dtype.kind not in "fb":
            continue
        whole = set(np.unique(values).tolist())
        if values.ndim == 2 and whole <= {0, 1} and (values.sum(axis=1) == 1).all():
            raise TinyopsError(f"{path}: {name!r} is one-hot", remedy=f"save {name}.argmax(axis=1)")
        if values.ndim == 1 and len(whole) <= _FEW and all(value == int(value) for value in whole):
            raise TinyopsError(
                f"{path}: {name!r} is {values.dtype} and has {len(whole)} whole values: these are classes",
                remedy=f"save {name}.astype(int), from 0 up",
            )


def _label(others: Mapping[str, Array], split: str | None) -> str | None:
    """An array of few integers that is called label, or like it; or any, where nothing else can be the answer."""
    few = [
        name
        for name, values in others.items()
        if name != split
        and values.ndim == 1
        and (
            values.dtype.kind == "U"
            or (values.dtype.kind in "iu" and values.min() >= 0 and values.max() < MOST_CLASSES)
        )
        and 2 <= len(np.unique(values)) <= min(MOST_CLASSES, len(values) // 3)
    ]
    named = called("label", few)
    return named if named is not None or _reals(others) else next((name for name in few if role_of(name) is None), None)


def _target(others: Mapping[str, Array]) -> str | None:
    """Real values to answer: the array that is called so, or the first."""
    may_be = _reals(others)
    return called("label", may_be) or next(iter(may_be), None)


def _reals(others: Mapping[str, Array]) -> list[str]:
    return [
        name
        for name, values in others.items()
        if (values.ndim == 1 or (values.ndim == 2 and values.shape[1] <= _MOST_AXES))
        and (values.dtype.kind == "f" or (values.dtype.kind in "iu" and role_of(name) == "label"))
        and role_of(name) in (None, "label")
    ]


def _classes(path: Path, label: str, arrays: Mapping[str, Array]) -> tuple[Choice, ...]:
    values = arrays[label]
    if values.dtype.kind == "U":
        classes, notices = classes_of(values.tolist(), f"{path}, array {label!r},")
        if notices:
            raise TinyopsError(f"{path}: {notices[0]}", remedy="take those rows away")
        return Choice("label", label, "the array of labels"), class_choice(classes)
    highest = int(values.max()) + 1
    names = [array for array in arrays.values() if array.dtype.kind == "U" and array.shape == (highest,)]
    named = bool(names) and len(set(names[0].tolist())) == highest
    classes = [str(name) for name in (names[0].tolist() if named else range(highest))]
    why = "an array names them" if named else "by their index: give them names"
    return (
        Choice("label", label, "the array of class indices"),
        Choice("classes", classes, f"{highest} classes, {why}"),
    )


def _targets(target: str) -> tuple[Choice, ...]:
    return (Choice("target", target, "the array of values that the model is to answer: a regression"),)


def _groupings(others: Mapping[str, Array], taken: set[str | None]) -> tuple[Grouping, ...]:
    may_be = [
        name
        for name, values in others.items()
        if name not in taken
        and values.ndim == 1
        and values.dtype.kind in "iuU"
        and _LEAST_GROUPS <= len(np.unique(values)) <= len(values) // 2
    ]
    group = called("group", may_be) or called("recording", may_be)
    if group is None:
        return (Grouping(None),)
    why = f"{len(np.unique(others[group]))} of them; none is to be in both splits"
    return Grouping(group, (Choice("group", group, why),)), Grouping(None)


def _network(path: Path, shape: tuple[int, ...]) -> Network:
    """By the shape of a sample: a row of figures, a row of values in time, a window of axes, or a picture."""
    if len(shape) == 1:
        return "table" if shape[0] < _LONG_ROW else "signal"
    if len(shape) == 2 and shape[1] <= _MOST_AXES and shape[0] >= 2 * shape[1]:
        return "motion"
    if len(shape) in (2, 3):
        return "pictures"
    raise TinyopsError(f"{path}: samples have {len(shape)} dimensions; 1 to 3 are taken", remedy="make them fewer")


def _some(values: Array, *, one_range: bool) -> Array:
    """Rows by which the range is told, all values of a row as one column where they are of one kind."""
    size = int(np.prod(values.shape[1:]))
    step = max(1, len(values) * size // _MOST_LOOKED_AT)
    some = values[::step]
    return some.reshape(-1, 1) if one_range else some


def _dtype(values: Array) -> str:
    return "text" if values.dtype.kind == "U" else values.dtype.name


def _said(path: Path, count: int, arrays: Mapping[str, Array]) -> str:
    there = ", ".join(f"{name} {_dtype(values)}{list(values.shape)}" for name, values in arrays.items())
    return f"{path.name} has {count} samples: {there}"


def _said_target(values: Array) -> tuple[str, ...]:
    return (f"values to answer lie between {float(values.min()):.4g} and {float(values.max()):.4g}",)
