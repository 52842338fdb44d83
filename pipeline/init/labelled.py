"""What says the label, the group and the split of recordings that are a file each: folders, names or a manifest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_deployer.errors import TinyopsError
from pipeline.init.folder import records_in, require_there
from pipeline.init.manifest import Manifest, manifest_in, read_manifest
from pipeline.init.names import LAYOUTS, Naming, classes_of, read_names
from pipeline.init.proposal import APART, SPLIT_WORDS, Choice, Grouping

GROUP_NAMES: Final = {"audio": "speaker", "motion": "person", "images": "series"}
_SHOWN: Final = 8


@dataclass(frozen=True)
class Labelled:
    """The files, and what says what they are."""

    source: Path  # Folder or manifest.
    folder: Path  # From which names count.
    names: tuple[str, ...]
    choices: tuple[Choice, ...]
    found: tuple[str, ...]
    groupings: tuple[Grouping, ...]
    split: tuple[Choice, ...] | None
    notices: tuple[str, ...]


def labelled_files(place: Path, kind: str) -> Labelled:
    """Look at names and manifest; no recording is opened.

    Raises:
        TinyopsError: there is no such place, no file of the kind in it, or nothing that says a label.
    """
    require_there(place)
    table = place if place.suffix.lower() == ".csv" else manifest_in(place)
    if table is not None:
        return _by_manifest(read_manifest(table))
    names = records_in(place, kind)
    naming = read_names(names, GROUP_NAMES[kind])
    if naming is None:
        raise no_label(place, names)
    return _by_names(place, names, naming)


def no_label(place: Path, names: Sequence[str]) -> TinyopsError:
    """The error where neither folders nor names say a label."""
    shown = ", ".join(names[:3])
    return TinyopsError(
        f"{place} has {len(names)} recordings ({shown}, ...), and neither their folders nor their names say what they "
        "are: two labels at least are wanted, with three recordings of each and more",
        remedy=LAYOUTS,
    )


def class_choice(classes: Sequence[str]) -> Choice:
    """`data.classes`."""
    return Choice("classes", list(classes), f"{len(classes)} labels; their order is that of the network's answers")


def some_of(values: Sequence[str]) -> str:
    """A list in a sentence, cut off where it is long."""
    more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
    return ", ".join(values[:_SHOWN]) + more


def split_choice(field: str, values: Sequence[str]) -> Choice:
    """`data.splits` by a field that says the split."""
    held_out = [value for value in values if value.lower() in SPLIT_WORDS["eval"]]
    trains = [value for value in values if value.lower() in SPLIT_WORDS["train"]]
    said = {"field": field, "train_values": trains, "eval_values": held_out}
    return Choice("splits", said, "the data has its own division")


def _by_names(place: Path, names: Sequence[str], naming: Naming) -> Labelled:
    classes, notices = classes_of(naming.labels, str(place))
    where = "folders name" if naming.label_is_folder else "names say"
    if naming.left_out:
        notices.append(f"{naming.left_out} of {len(names)} names are not like the others; they are left out")
    if naming.other:
        notices.append(
            f"names have two parts that could be the label; if {some_of(naming.other)} are the labels, exchange the "
            "fields in data.names and write them to data.classes"
        )
    return Labelled(
        source=place,
        folder=place,
        names=tuple(names),
        choices=(class_choice(classes),),
        found=(f"{len(names)} files; their {where} {len(classes)} labels: {some_of(classes)}",),
        groupings=tuple(_groupings(naming, f"what a path says of its recording: {where} the label")),
        split=None if naming.split is None else (split_choice(naming.split, naming.split_values),),
        notices=tuple(notices),
    )


def _groupings(naming: Naming, why: str) -> Iterator[Grouping]:
    names = {field: Choice("names", pattern, why) for field, pattern in naming.patterns.items()}
    if naming.group is not None:
        group = Choice("group", naming.group, APART)
        yield Grouping(naming.group, (names[naming.group], group))
    yield Grouping(None, (names[None],))
    if naming.takes is not None:
        group = Choice("group", naming.takes, "takes of one number stay together")
        yield Grouping(naming.takes, (names[naming.takes], group), is_last_resort=True)


def _by_manifest(manifest: Manifest) -> Labelled:
    classes, notices = classes_of(manifest.labels, f"{manifest.place}, column {manifest.label!r},")
    return Labelled(
        source=manifest.place,
        folder=manifest.place.parent,
        names=manifest.paths,
        choices=(
            Choice("label", manifest.label, "the manifest's column that says what a recording is"),
            class_choice(classes),
        ),
        found=(
            f"{manifest.place.name} lists {len(manifest.paths)} files; its column {manifest.label} has {len(classes)} "
            f"labels: {some_of(classes)}",
        ),
        groupings=Grouping.by(manifest.group),
        split=None if manifest.split is None else (split_choice(manifest.split, manifest.split_values),),
        notices=tuple(notices),
    )
