"""What names say, whatever the scheme."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.sensor_example_gen.sources.name_pattern import NamePattern
from edge_deployer.errors import TinyopsError
from pipeline.init.names import classes_of, read_names

WORDS, PEOPLE = ("yes", "no", "up"), ("jackson", "nicolas", "theo", "george")


def crossed(scheme: str, takes: int = 8) -> list[str]:
    """A name for each word, person and take."""
    return [
        scheme.format(word=word, person=person, number=number, take=take)
        for word in WORDS
        for number, person in enumerate(PEOPLE, 1)
        for take in range(takes)
    ]


@pytest.mark.parametrize(
    ("scheme", "pattern", "group"),
    [
        ("{word}/{take}-{person}.wav", "{label}/{take}-{speaker}", "speaker"),
        ("{word}_{person}_{take}.wav", "{label}_{speaker}_{take}", "speaker"),
        ("s{number:02}_{word}_{take}.wav", "{speaker}_{label}_{take}", "speaker"),
        ("s{number}/{word}.{take}.flac", "{speaker}/{label}.{take}", "speaker"),
        ("{word}/{number:07x}_nohash_{take}.wav", "{label}/{speaker}_nohash_{take}", "speaker"),
        ("all/{word}/{person}{take}.wav", "{folder1}/{label}/*", None),
    ],
)
def test_label_and_speaker_are_told_apart(scheme: str, pattern: str, group: str | None) -> None:
    naming = read_names(crossed(scheme), "speaker")
    assert naming is not None
    assert (set(naming.labels), naming.group) == (set(WORDS), group)
    assert naming.patterns[group] == pattern


def test_a_number_may_be_the_label_and_the_last_one_counts_takes() -> None:
    names = [f"{digit}_{person}_{take}.wav" for digit in range(10) for person in PEOPLE for take in range(5)]
    naming = read_names(names, "speaker")
    assert naming is not None
    assert set(naming.labels) == set("0123456789")
    assert naming.patterns["speaker"] == "{label}_{speaker}_{take}"


def test_a_padded_number_is_no_label() -> None:
    naming = read_names([f"IMG_{number:04} {word}.jpg" for word in WORDS for number in range(30)], "series")
    assert naming is not None
    assert naming.patterns[None] == "IMG_{take} {label}"


def test_folders_that_say_the_split_are_no_labels() -> None:
    names = [f"{split}/{word}/{take}.png" for split in ("train", "test") for word in WORDS for take in range(9)]
    naming = read_names(names, "series")
    assert naming is not None
    assert (naming.split, naming.split_values) == ("split", ("test", "train"))
    assert naming.patterns[None] == "{split}/{label}/*"


def test_two_parts_that_could_be_the_label_are_told() -> None:
    naming = read_names(crossed("{person}_{word}_{take}.wav"), "speaker")
    assert naming is not None
    assert naming.other == tuple(sorted(WORDS))


@pytest.mark.parametrize("names", [["1.wav", "2.wav", "3.wav"], [f"take{n}.wav" for n in range(60)], ["a.wav"]])
def test_names_that_say_nothing(names: list[str]) -> None:
    assert read_names(names, "speaker") is None


def test_too_few_of_a_label_are_left_out_where_they_are_few_beside_all() -> None:
    labels = ["yes"] * 200 + ["no"] * 200 + ["noise"] * 3
    assert classes_of(labels, "it") == (["no", "yes"], ["noise: 3 are too few for a class; they are left out"])
    with pytest.raises(TinyopsError, match="it has 1 of the label 'no', of 9: too few"):
        classes_of(["yes"] * 8 + ["no"], "it")


def test_one_label_is_nothing_to_tell_apart() -> None:
    with pytest.raises(TinyopsError, match="it has one label, 'yes': there is nothing to tell apart"):
        classes_of(["yes"] * 50, "it")


def test_classes_that_are_numbers_are_ordered_by_value() -> None:
    assert classes_of(["10", "9", "-1"] * 9, "it")[0] == ["-1", "9", "10"]


_PIECE = st.text("abcxyz019", min_size=1, max_size=4)


@given(
    words=st.lists(_PIECE, min_size=2, max_size=5, unique=True),
    people=st.lists(_PIECE, min_size=1, max_size=4, unique=True),
    takes=st.integers(1, 7),
    separator=st.sampled_from("_-. "),
    in_folder=st.booleans(),
)
def test_a_pattern_finds_in_the_names_what_was_read_from_them(
    words: list[str], people: list[str], takes: int, separator: str, in_folder: bool
) -> None:
    """Whatever is taken for the label: the source reads the same by the pattern."""
    after = "/" if in_folder else separator
    names = [f"{w}{after}{p}{separator}{take}.wav" for w in words for p in people for take in range(takes)]
    naming = read_names(names, "speaker")
    if naming is None:
        return
    for pattern in naming.patterns.values():
        found = [NamePattern.checked(pattern).match(name) for name in names]
        assert [fields and fields["label"] for fields in found] == list(naming.labels)
