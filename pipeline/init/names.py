"""What files' names say: which folder or which part of the name is the label, and which says from whom a record is."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

import numpy as np

from components.sensor_example_gen.sources.name_pattern import plain
from edge_deployer.errors import TinyopsError
from pipeline.init.proposal import MOST_CLASSES, SPLIT_WORDS

LAYOUTS: Final = (
    "put the recordings of each label into a folder with its name (yes/1.wav), say the label in each name "
    "(yes_anna_1.wav), or list the files in a CSV with the columns path and label"
)
_SEPARATORS: Final = re.compile(r"([_\-. ]+)")
_PERSON: Final = re.compile(
    r"(s|p|u|id|spk|sub|subj|subject|user|speaker|person|participant|volunteer|device|dev|node|sensor|board|cam|camera|"
    r"site|room|session|day|batch|part|plant|unit|machine)[-_ ]?\d+|[0-9a-f]{6,}"
)
"""What says from whom a record is, whatever else it might say."""
_COUNTER: Final = re.compile(r"(take|rec|recording|sample|clip|img|image|file|frame|no|nr|n|seq|rep|trial|run|win)?\d+")
_NUMBERED: Final = re.compile(r"[^\W\d]+\d+")
_LEAST_FITTING: Final = 0.98
_LEAST_GROUPS: Final = 3
_MOST_TAKES: Final = 20
_MOST_NUMBERED: Final = 60
"""Labels that are numbers; what has more counts something."""
LEAST_OF_A_CLASS: Final = 5
"""Records of a label without which it cannot stand in both splits."""
_RARE: Final = 0.02
"""Share of what labels usually have, below which something else lies in a folder: noise, or a README's sounds."""
_MOST_LEFT_OUT: Final = 0.02


@dataclass(frozen=True)
class Part:
    """A folder on the way to each record, or a piece of each name."""

    values: tuple[str, ...]  # Of each record.
    is_folder: bool

    @property
    def distinct(self) -> int:
        """How many values it has."""
        return len(set(self.values))

    @property
    def is_person(self) -> bool:
        """Whether all its values look like those of people or devices."""
        return all(_PERSON.fullmatch(value.lower()) for value in set(self.values))

    @property
    def is_counter(self) -> bool:
        """Whether all its values look like those that count takes."""
        return all(_COUNTER.fullmatch(value.lower()) for value in set(self.values))

    @property
    def counts_records(self) -> bool:
        """Whether it counts so far, or with so many zeros before, that it names nothing."""
        values = set(self.values)
        padded = len({len(value) for value in values}) == 1 and any(value.startswith("0") for value in values)
        return self.is_counter and (len(values) > _MOST_NUMBERED or (padded and len(min(values)) > 1))

    @property
    def is_split(self) -> bool:
        """Whether it says which records train and which are held out."""
        return says_split(self.values)


@dataclass(frozen=True)
class Naming:
    """What parts of names mean."""

    labels: tuple[str, ...]  # Of each record whose name is like the others'.
    label_is_folder: bool
    patterns: Mapping[str | None, str]  # Of names, by the field that is to group records; None for no field.
    group: str | None = None  # A field that says from whom a record is.
    takes: str | None = None  # One by which records may be grouped where nothing better is there.
    split: str | None = None
    split_values: tuple[str, ...] = ()
    left_out: int = 0  # Records whose names do not fit.
    other: tuple[str, ...] = ()  # Values that might be the labels as well.


def says_split(values: Sequence[str]) -> bool:
    """Whether values are words for a split, both kinds of them."""
    said = {value.lower() for value in values}
    return all(said & set(words) for words in SPLIT_WORDS.values()) and said <= {*sum(SPLIT_WORDS.values(), ())}


def read_names(names: Sequence[str], group_name: str) -> Naming | None:
    """What names mean, as far as they show it; None where nothing in them can be a label.

    Args:
        names: paths below the source's folder.
        group_name: what a field is called that says from whom a record is.
    """
    kept, parts, separators = _parts([plain(name) for name in names])
    if not kept:
        return None
    label = _label(parts, len(kept))
    if label is None:
        return None
    split = next((part for part in parts if part.is_split and part is not label), None)
    others = [part for part in parts if part is not label and part is not split]
    takes = next((part for part in reversed(others) if part.is_counter and not part.is_folder), None)
    groups = [part for part in others if part is not takes and _may_group(part, label)]
    group = next((part for part in groups if part.is_person), next(iter(groups), None))
    may_group_takes = takes is not None and takes.distinct <= _MOST_TAKES and _crosses(takes, label)
    roles = {id(label): "label", id(split): "split", id(group): group_name, id(takes): "take"}
    by = {None: None, group_name: group, "take": takes}
    is_doubtful = group is not None and not group.is_person and group.is_folder == label.is_folder
    return Naming(
        labels=label.values,
        label_is_folder=label.is_folder,
        patterns={
            field: _pattern(parts, separators, roles, [each for each in (label, split, part) if each is not None])
            for field, part in by.items()
            if field is None or part is not None
        },
        group=None if group is None else group_name,
        takes="take" if may_group_takes else None,
        split=None if split is None else "split",
        split_values=() if split is None else tuple(sorted(set(split.values))),
        left_out=len(names) - len(kept),
        other=tuple(sorted(set(group.values))) if is_doubtful and group is not None else (),
    )


def classes_of(labels: Sequence[str], what: str) -> tuple[list[str], list[str]]:
    """Names of the classes in their order, and a sentence for each that is left out.

    Raises:
        TinyopsError: there is one class only, too many, or one with too few records.
    """
    counts = Counter(label for label in labels if label)
    least = max(LEAST_OF_A_CLASS, _RARE * float(np.median(list(counts.values()) or [0])))
    rare = {name: count for name, count in counts.items() if count < least}
    if len(counts) - len(rare) < 2 <= len(counts) or sum(rare.values()) > _MOST_LEFT_OUT * len(labels):
        name = min(rare, key=lambda name: (rare[name], name))
        raise TinyopsError(
            f"{what} has {rare[name]} of the label {name!r}, of {len(labels)}: too few to learn it and to try it",
            remedy=f"collect at least {LEAST_OF_A_CLASS} of each label, or take that one away",
        )
    classes = in_order(set(counts) - set(rare))
    if len(classes) < 2:
        raise TinyopsError(
            f"{what} has one label, {', '.join(map(repr, classes)) or 'none'}: there is nothing to tell apart",
            remedy="add records of another label, or of what is none of them",
        )
    if len(classes) > MOST_CLASSES:
        shown = ", ".join(classes[:3])
        raise TinyopsError(
            f"{what} has {len(classes)} labels ({shown}, ...), more than {MOST_CLASSES}: they are hardly classes",
            remedy=LAYOUTS,
        )
    notices = [f"{name}: {count} are too few for a class; they are left out" for name, count in sorted(rare.items())]
    return classes, notices


def in_order(names: set[str]) -> list[str]:
    """Numbers by their value, text by the alphabet."""
    if all(re.fullmatch(r"-?\d+", name) for name in names):
        return sorted(names, key=int)
    return sorted(names)


def _parts(names: list[str]) -> tuple[list[str], list[Part], list[str]]:
    """Records whose names are alike, what the names are made of, and what stands between the pieces of the last."""
    paths = [PurePosixPath(name).with_suffix("") for name in names]
    depth, at_depth = Counter(len(path.parts) for path in paths).most_common(1)[0]
    if at_depth < _LEAST_FITTING * len(paths):
        # Folders within folders, here and there: the outermost is what all have.
        depths = min(len(path.parts) for path in paths)
        outer = [Part(tuple(path.parts[0] for path in paths), is_folder=True)] if depths > 1 else []
        return (names if outer else []), outer, []
    kept = [(name, path) for name, path in zip(names, paths, strict=True) if len(path.parts) == depth]
    pieces = [_SEPARATORS.split(path.name) for _, path in kept]
    signature, alike = Counter(tuple(piece[1::2]) for piece in pieces).most_common(1)[0]
    folders = [Part(tuple(path.parts[level] for _, path in kept), is_folder=True) for level in range(depth - 1)]
    if alike < _LEAST_FITTING * len(kept) or (folders and alike < len(kept)):
        return [name for name, _ in kept], folders, []
    fitting = [index for index, piece in enumerate(pieces) if tuple(piece[1::2]) == signature]
    folders = [Part(tuple(part.values[index] for index in fitting), is_folder=True) for part in folders]
    columns = zip(*(pieces[index][::2] for index in fitting), strict=True)
    stems = [Part(tuple(column), is_folder=False) for column in columns]
    if any("" in stem.values for stem in stems):  # A name that begins or ends with a separator fits no pattern.
        stems, signature = [], ()
    return [kept[index][0] for index in fitting], [*folders, *stems], list(signature)


def _label(parts: Sequence[Part], count: int) -> Part | None:
    may_be = [part for part in parts if 2 <= part.distinct <= min(MOST_CLASSES, count // 3) and not part.is_split]
    ranks = {
        id(part): (not part.is_folder, part.counts_records or (part.is_counter and part is parts[-1]))
        for part in may_be
    }
    said = [part for part in may_be if not part.is_person] or may_be
    return min(said, key=lambda part: ranks[id(part)], default=None)


def _may_group(part: Part, label: Part) -> bool:
    # A name with a number right behind it is that of one recording: anna3.
    if not part.is_person and all(_NUMBERED.fullmatch(value) for value in set(part.values)):
        return False
    return _LEAST_GROUPS <= part.distinct <= len(part.values) // 2 and _crosses(part, label)


def _crosses(part: Part, label: Part) -> bool:
    """Whether labels have several of its values each, and are not merely called otherwise."""
    values: dict[str, set[str]] = defaultdict(set)
    for name, value in zip(label.values, part.values, strict=True):
        values[name].add(value)
    return sum(len(each) > 1 for each in values.values()) > len(values) / 2


def _pattern(parts: Sequence[Part], separators: Sequence[str], roles: Mapping[int, str], needed: Sequence[Part]) -> str:
    """A pattern with a field for each part that is needed, and for those that stand between."""
    folders = [part for part in parts if part.is_folder]
    with_stem = any(not part.is_folder for part in needed)
    stem = _stem([part for part in parts if not part.is_folder], separators, roles) if with_stem else "*"
    if not any(part.is_folder for part in needed):
        return stem
    levels = [f"{{{roles.get(id(part), f'folder{level}')}}}" for level, part in enumerate(folders, 1)]
    return "/".join([*levels, stem])


def _stem(parts: Sequence[Part], separators: Sequence[str], roles: Mapping[int, str]) -> str:
    text = ""
    for number, (part, before) in enumerate(zip(parts, ["", *separators], strict=True), 1):
        constant = part.values[0] if part.distinct == 1 else None
        literal = constant is not None and id(part) not in roles and not set(constant) & set("{}*")
        text += before + (str(constant) if literal else f"{{{roles.get(id(part), f'part{number}')}}}")
    return text
