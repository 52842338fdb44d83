from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from components.sensor_example_gen.sources.anomaly import Anomaly, UnusableRecord
from components.sensor_example_gen.sources.listing import Listing
from components.sensor_example_gen.sources.motion import MotionSection, MotionSource
from components.sensor_example_gen.sources.source import source_class
from edge_deployer.errors import TinyopsError
from edge_deployer.tensors import Array

Table = dict[str, list[object]]
KINDS = ["csv", "json", "parquet"]

NO_RECORDS = Listing(rows=np.empty(0, np.int64), labels=None)


def source(place: Path, **fields: object) -> MotionSource:
    section = {"kind": "motion", "source": place, "classes": ["a", "b"], "rate": 10, "window": 1, **fields}
    dropped = {name: value for name, value in section.items() if value is not None}
    return MotionSource(MotionSection.model_validate(dropped), str(place))


def wave(rows: int, rate: float = 10.0, **columns: object) -> Table:
    seconds = np.arange(rows) / rate
    return {"t": seconds.tolist(), "x": np.arange(rows).tolist(), "y": (-seconds).tolist(), **columns}  # type: ignore[dict-item]


def write(path: Path, table: Table, *, groups: int = 1 << 20) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".json":
        path.write_text(json.dumps([dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]))
    elif path.suffix == ".csv":
        rows = (",".join(map(str, row)) for row in zip(*table.values(), strict=True))
        path.write_text("\n".join([",".join(table), *rows]) + "\n")
    else:
        pq.write_table(pa.table(table), path, row_group_size=groups)


def samples(motion: MotionSource, listing: Listing | None = None) -> list[tuple[str, Array, tuple[Anomaly, ...]]]:
    listing = motion.listing() if listing is None else listing
    found = []
    for index in range(len(listing)):
        for sample in motion.samples(listing, index):
            assert sample.values.shape == motion.shape
            found.append((listing.name(index), sample.values, sample.anomalies))
    return found


@contextmanager
def unusable(anomaly: Anomaly, said: str | None = None) -> Iterator[None]:
    with pytest.raises(UnusableRecord, match=said) as refused:
        yield
    assert refused.value.anomaly is anomaly


def one(path: Path, **fields: object) -> list[Array]:
    """The windows of the only file."""
    return [values for _, values, _ in samples(source(path.parent.parent, **fields))]


@pytest.mark.parametrize("kind", KINDS)
def test_a_recording_in_a_file_becomes_windows(tmp_path: Path, kind: str) -> None:
    write(tmp_path / f"a/1.{kind}", wave(25))
    write(tmp_path / f"b/2.{kind}", wave(10))
    motion = source(tmp_path, time="t", hop=0.5)
    listing = motion.listing()
    assert listing.names == (f"a/1.{kind}", f"b/2.{kind}")
    assert listing.labels is not None
    assert listing.labels.tolist() == [0, 1]
    assert not listing.one_sample_each
    assert motion.shape == (10, 2)
    windows = samples(motion, listing)
    assert [name for name, _, _ in windows] == [f"a/1.{kind}"] * 4 + [f"b/2.{kind}"]
    assert windows[1][1][:, 0] == pytest.approx(np.arange(5, 15))
    assert windows[1][1][:, 1] == pytest.approx(-np.arange(5, 15) / 10)
    assert all(values.dtype == np.float32 and anomalies == () for _, values, anomalies in windows)


@pytest.mark.parametrize("kind", KINDS)
def test_columns_come_in_the_order_that_is_asked_for(tmp_path: Path, kind: str) -> None:
    write(tmp_path / f"a/1.{kind}", wave(10))
    ((_, values, _),) = samples(source(tmp_path, columns=["y", "x", "t"]))
    assert values[:, 1] == pytest.approx(np.arange(10))
    assert values[:, 2] == pytest.approx(np.arange(10) / 10)


@pytest.mark.parametrize("kind", KINDS)
def test_a_recording_of_another_rate_is_resampled(tmp_path: Path, kind: str) -> None:
    write(tmp_path / f"a/1.{kind}", wave(50, rate=50))
    ((_, by_time, _),) = samples(source(tmp_path, time="t", columns=["x"]))
    assert by_time[1:-1, 0] == pytest.approx(np.arange(1, 9) * 5 + 2.5)
    ((_, by_rate, _),) = samples(source(tmp_path, recorded_rate=50, columns=["x"]))
    assert by_rate == pytest.approx(by_time, abs=1e-4)


@pytest.mark.parametrize(("unit", "factor"), [("s", 1), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)])
def test_time_has_a_unit(tmp_path: Path, unit: str, factor: float) -> None:
    write(tmp_path / "a/1.csv", {"t": [int(i * factor) for i in range(10)], "x": list(range(10))})
    first, second = one(tmp_path / "a/1.csv", time="t", time_unit=unit, rate=2, window=5)
    assert first[:, 0] == pytest.approx(np.arange(10) / 2)
    assert second[:9, 0] == pytest.approx(np.arange(10, 19) / 2)


@pytest.mark.parametrize("zone", [None, timezone.utc, timezone(timedelta(hours=-3))])
@pytest.mark.parametrize("kind", KINDS)
def test_time_may_be_a_timestamp(tmp_path: Path, kind: str, zone: timezone | None) -> None:
    start = datetime(2026, 3, 1, 23, 59, 58, tzinfo=zone)
    stamps = [start + timedelta(milliseconds=100 * row) for row in range(20)]
    times = stamps if kind == "parquet" else [stamp.isoformat(timespec="milliseconds") for stamp in stamps]
    write(tmp_path / f"a/1.{kind}", {"t": list(times), "x": list(range(20))})
    first, second = one(tmp_path / f"a/1.{kind}", time="t", time_unit="timestamp")
    assert np.append(first, second) == pytest.approx(np.arange(20), abs=1e-4)


def test_a_long_gap_parts_a_recording(tmp_path: Path) -> None:
    times = [*(i / 10 for i in range(12)), *(1e9 + i / 10 for i in range(11))]
    write(tmp_path / "a/1.csv", {"t": times, "x": list(range(23))})
    first, second = one(tmp_path / "a/1.csv", time="t")
    assert first[:, 0] == pytest.approx(np.arange(10))
    assert second[:, 0] == pytest.approx(np.arange(12, 22), abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_short_recording_is_filled_up_and_reported(tmp_path: Path, kind: str) -> None:
    write(tmp_path / f"a/1.{kind}", wave(3))
    ((_, values, anomalies),) = samples(source(tmp_path))
    assert anomalies == (Anomaly.TOO_SHORT,)
    assert values[:, 1].tolist() == [0, 1, *[2] * 8]


def test_what_never_changes_is_silent(tmp_path: Path) -> None:
    write(tmp_path / "a/1.csv", {"x": [1] * 20, "y": [2] * 19 + [3]})
    assert [anomalies for _, _, anomalies in samples(source(tmp_path))] == [(Anomaly.SILENT,), ()]


# Many recordings in a file.


def many() -> Table:
    """Five recordings: their person and number, label, and values."""
    sizes = [(1, "p", "a", 12), (2, "p", "b", 10), (1, "q", "a", 30), (3, "q", "c", 10), (4, "q", "", 10)]
    rows = [(who, number, label, i) for number, who, label, size in sizes for i in range(size)]
    who, number, label, values = (list(column) for column in zip(*rows, strict=True))
    return {"who": who, "n": number, "label": label, "x": values}


@pytest.mark.parametrize("groups", [1 << 20, 7])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_one_table_may_have_many_recordings(tmp_path: Path, kind: str, groups: int) -> None:
    table = tmp_path / f"all.{kind}"
    write(table, many(), groups=groups)
    motion = source(table, recording="n", group="who")
    listing = motion.listing()
    assert listing.names == tuple(f"all.{kind}#{number}" for number in range(3))
    assert listing.labels is not None
    assert listing.groups is not None
    assert listing.labels.tolist() == [0, 1, 0]
    assert listing.groups.tolist() == ["p", "p", "q"]
    assert {(found.record, found.anomaly) for found in listing.found} == {
        (f"all.{kind}#3", Anomaly.UNKNOWN_LABEL),
        (f"all.{kind}#4", Anomaly.UNLABELLED),
    }
    assert motion.shape == (10, 1)
    read = samples(motion, listing)
    assert [name for name, _, _ in read] == [f"all.{kind}#{number}" for number in (0, 1, 2, 2, 2)]
    assert [int(values[0, 0]) for _, values, _ in read] == [0, 0, 0, 10, 20]
    # In any order, and some of them, in another worker.
    other = source(table, recording="n", group="who")
    backwards = samples(other, listing.take([2, 0, 1]))
    assert [name for name, _, _ in backwards] == [f"all.{kind}#{number}" for number in (2, 2, 2, 0, 1)]
    assert np.array_equal(backwards[3][1], read[0][1])


def test_recordings_that_are_read_at_once_do_not_mix(tmp_path: Path) -> None:
    write(tmp_path / "all.parquet", many(), groups=7)
    motion = source(tmp_path / "all.parquet", recording="n", group="who")
    listing = motion.listing()
    first, second = motion.samples(listing, 2), motion.samples(listing, 0)
    starts = [int(next(each).values[0, 0]) for each in (first, second, first)]
    assert starts == [0, 0, 10]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_without_a_column_that_tells_them_apart_the_label_does(tmp_path: Path, kind: str) -> None:
    write(tmp_path / f"all.{kind}", {"label": ["a"] * 10 + ["b"] * 20 + ["a"] * 10, "x": list(range(40))})
    listing = source(tmp_path / f"all.{kind}").listing()
    assert listing.labels is not None
    assert listing.labels.tolist() == [0, 1, 0]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_rows_of_a_recording_that_stand_apart_are_refused(tmp_path: Path, kind: str) -> None:
    write(tmp_path / f"all.{kind}", {"label": ["a"] * 30, "n": [1] * 10 + [2] * 10 + [1] * 10, "x": list(range(30))})
    with pytest.raises(TinyopsError, match="rows of recording 1 stand apart; sort them by recording"):
        source(tmp_path / f"all.{kind}", recording="n").listing()


def test_a_file_may_have_a_list_of_strokes(tmp_path: Path) -> None:
    points = [{"x": 0.0, "y": 0.0}, {"x": 0.5, "y": 0.25}]
    strokes = [{"index": 0, "points": points, "label": "b"}, {"index": 1, "points": points[:1], "label": 7}]
    (tmp_path / "p1.json").write_text(json.dumps({"strokes": strokes}))
    fields = {"names": "{who}", "group": "who", "classes": ["b", "7"], "rate": None, "window": None, "raster": 16}
    motion = source(tmp_path, recording="strokes", **fields)
    listing = motion.listing()
    assert listing.names == ("p1.json#0", "p1.json#1")
    assert listing.one_sample_each
    assert listing.labels is not None
    assert listing.labels.tolist() == [0, 1]
    assert listing.groups is not None
    assert listing.groups.tolist() == ["p1", "p1"]
    (_, stroke, sound), (_, dot, silent) = samples(motion, listing)
    assert stroke.dtype == np.uint8
    assert stroke.max() > 100
    assert sound == ()
    assert silent == (Anomaly.SILENT,)
    assert np.count_nonzero(dot) <= 4
    assert motion.describe(NO_RECORDS)["picture"] == "16 x 16 pixels, drawn with integers"


def test_splits_and_targets_may_stand_in_the_file(tmp_path: Path) -> None:
    rows = 10
    table: Table = {
        "part": ["train"] * rows + ["test"] * rows + ["spare"] * rows + ["train"] * rows,
        "angle": [0.5] * rows + [1.5] * rows + [2.5] * rows + ["?"] * rows,
        "x": list(range(4 * rows)),
    }
    write(tmp_path / "all.csv", table)
    fields = {"classes": None, "label": None, "target": "angle", "splits": {"field": "part"}}
    section = MotionSection.model_validate(
        {"source": tmp_path / "all.csv", "rate": 10, "window": 1, **fields, "kind": "motion"}
    )
    listing = MotionSource(section, str(tmp_path / "all.csv")).listing()
    assert listing.targets is not None
    assert listing.given is not None
    assert listing.targets.tolist() == [0.5, 1.5]
    assert listing.given.tolist() == ["train", "eval"]
    assert {found.anomaly for found in listing.found} == {Anomaly.NO_SPLIT, Anomaly.UNLABELLED}


def test_a_manifest_says_what_files_are(tmp_path: Path) -> None:
    write(tmp_path / "data/one.csv", wave(10))
    write(tmp_path / "data/two.parquet", wave(10))
    (tmp_path / "list.csv").write_text("path,label,who\ndata/one.csv,a,p\ndata/two.parquet,b,q\ndata/none.csv,b,q\n")
    motion = source(tmp_path / "list.csv", group="who", time="t")
    listing = motion.listing()
    assert listing.names == ("data/one.csv", "data/two.parquet")
    assert [found.anomaly for found in listing.found] == [Anomaly.MISSING]
    assert len(samples(motion, listing)) == 2


# Files as people have them.


@pytest.mark.parametrize(
    "text",
    [
        "x;y\n" + "\n".join(f"{i},5;{-i},25" for i in range(10)),
        "\ufeffx, y\r\n" + "\r\n".join(f"{i}.5, {-i}.25" for i in range(10)) + "\r\n",
        "\n\nx\ty\n" + "\n\n".join(f"{i}.5\t{-i}.25" for i in range(10)) + "\n\n",
        '"x","y","note"\n' + "\n".join(f'"{i}.5",{-i}.25,"good, ""really"""' for i in range(10)),
    ],
)
def test_csv_comes_in_many_dialects(tmp_path: Path, text: str) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/1.csv").write_bytes(text.encode())
    motion = source(tmp_path)
    ((_, values, anomalies),) = samples(motion)
    assert values[:, 0].tolist() == [i + 0.5 for i in range(10)]
    assert values[1:, 1].tolist() == [-i - 0.25 for i in range(1, 10)]
    assert anomalies == ()


def test_columns_without_names_are_numbered(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/1.csv").write_text("".join(f"{i},{-i}\n" for i in range(10)))
    assert source(tmp_path).shape == (10, 2)
    ((_, values, _),) = samples(source(tmp_path, columns=["1"]))
    assert values[:, 0].tolist() == [-i for i in range(10)]


def test_json_may_have_columns(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/1.json").write_text(json.dumps({"device": "d", "x": list(range(10)), "y": list(range(10))}))
    assert one(tmp_path / "a/1.json")[0][:, 1].tolist() == list(range(10))


@pytest.mark.parametrize(
    ("name", "contents", "anomaly", "said"),
    [
        ("1.csv", b"x,y\n1,2\n3\n", Anomaly.CORRUPT, "Expected 2 columns, got 1"),
        ("1.csv", b"x,y\n1,2\n3,four\n", Anomaly.CORRUPT, "invalid value 'four'"),
        ("1.csv", b"x,y\n1,2\n3,\n", Anomaly.NOT_FINITE, "y is nan in row 1"),
        ("1.csv", b"x,y\n1,2\n3,inf\n", Anomaly.NOT_FINITE, "y is inf in row 1"),
        ("1.csv", b"x,y\n1,2\n3,1e300\n", Anomaly.NOT_FINITE, "y is 1e"),
        ("1.csv", b"x,z\n1,2\n", Anomaly.WRONG_FORMAT, "has no column 'y'; it has x, z"),
        ("1.csv", b"x,y,x\n1,2,3\n", Anomaly.WRONG_FORMAT, "has two columns 'x'"),
        ("1.csv", b"x,y\n", Anomaly.EMPTY, "has no row"),
        ("1.csv", b"\n\n", Anomaly.EMPTY, "has no line"),
        ("1.csv", b"PK\3\4 a workbook", Anomaly.WRONG_FORMAT, "is no CSV in UTF-8"),
        ("1.csv", "x,y\n1,2\n".encode("utf-16"), Anomaly.WRONG_FORMAT, "is no CSV in UTF-8"),
        ("1.csv", b"x,y\n" + b"1" * (1 << 23), Anomaly.CORRUPT, "a line has more than"),
        ("1.json", b'{"x": [1, 2], "y": [1]}', Anomaly.WRONG_FORMAT, "no columns of one table"),
        ("1.json", b'[{"x": 1, "y": 2}, {"x": 1}]', Anomaly.NOT_FINITE, "y is nan in row 1"),
        ("1.json", b'[{"x": 1, "y": 2}, {"x": 1, "y": "b"}]', Anomaly.CORRUPT, None),
        ("1.json", b'[{"x": 1, "y": 1' + b"0" * 400 + b"}]", Anomaly.CORRUPT, None),
        ("1.json", b'[{"x": 1, "y": 2}', Anomaly.CORRUPT, "delimiter"),
        ("1.json", b'[{"x": 1, "y": [2]}]', Anomaly.CORRUPT, None),
        ("1.json", b"[]", Anomaly.EMPTY, "has no rows"),
        ("1.json", b"[" * 100_000, Anomaly.CORRUPT, None),
        ("1.json", b"x,y\n1,2\n", Anomaly.WRONG_FORMAT, "does not begin as JSON"),
        ("1.parquet", b"x,y\n1,2\n", Anomaly.WRONG_FORMAT, "does not begin as Parquet"),
        ("1.parquet", b"PAR1 and then it ends", Anomaly.CORRUPT, None),
    ],
)
def test_a_file_that_cannot_be_used_says_why(
    tmp_path: Path, name: str, contents: bytes, anomaly: Anomaly, said: str | None
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / name).write_bytes(contents)
    with unusable(anomaly, said):
        one(tmp_path / "a" / name, columns=["x", "y"])


@pytest.mark.parametrize(
    ("times", "anomaly", "said"),
    [
        ([0, 2, 1], Anomaly.CORRUPT, "time runs backwards"),
        ([1, 1, 1, 1], Anomaly.CORRUPT, "most rows have the time of the row before"),
        ([0, "", 2], Anomaly.NOT_FINITE, "t is no time in row 1"),
    ],
)
def test_a_time_that_is_none_says_so(tmp_path: Path, times: list[object], anomaly: Anomaly, said: str) -> None:
    write(tmp_path / "a/1.csv", {"t": times, "x": list(range(len(times)))})
    with unusable(anomaly, said):
        one(tmp_path / "a/1.csv", time="t")


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_without_the_label_is_found_in_the_list(tmp_path: Path, kind: str) -> None:
    write(tmp_path / "1.csv", {"label": ["a"] * 10, "x": list(range(10))})
    write(tmp_path / f"2.{kind}", {"x": list(range(10))})
    listing = source(tmp_path, names="*").listing()
    assert listing.names == ("1.csv#0",)
    (found,) = listing.found
    assert found.record.startswith(f"2.{kind}")
    assert found.anomaly in (Anomaly.WRONG_FORMAT, Anomaly.UNLABELLED)


def test_a_value_that_is_none_does_not_hide_its_column(tmp_path: Path) -> None:
    write(tmp_path / "a/1.csv", {"x": [1, 2, "?", 4], "y": [1, 2, 3, 4]})
    write(tmp_path / "a/2.csv", {"x": [1, 2, 3, 4], "y": [1, 2, 3, 4]})
    motion = source(tmp_path)
    assert motion.shape == (10, 2)
    with unusable(Anomaly.CORRUPT):
        list(motion.samples(motion.listing(), 0))
    assert len(list(motion.samples(motion.listing(), 1))) == 1


def test_a_damaged_end_of_a_long_recording_leaves_out_all_of_it(tmp_path: Path) -> None:
    rows = 1 << 17
    (tmp_path / "a").mkdir()
    (tmp_path / "a/1.csv").write_text("x\n" + "1\n2\n" * rows + "?\n")
    motion = source(tmp_path)
    with unusable(Anomaly.CORRUPT):
        next(motion.samples(motion.listing(), 0))


def test_a_recording_longer_than_is_kept_is_read_to_its_end(tmp_path: Path) -> None:
    rows = (1 << 22) + 12_345
    (tmp_path / "a").mkdir()
    pq.write_table(pa.table({"x": np.arange(rows) % 1000}), tmp_path / "a/1.parquet")
    motion = source(tmp_path, window=100)
    windows = [sample.values for sample in motion.samples(motion.listing(), 0)]
    assert len(windows) == rows // 1000
    assert all(np.array_equal(window[:, 0], np.arange(1000)) for window in windows)


def test_a_place_where_nothing_can_be_used_says_why(tmp_path: Path) -> None:
    write(tmp_path / "all.csv", {"label": ["c"] * 10, "x": list(range(10))})
    with pytest.raises(TinyopsError, match=r"all.csv#0: unknown_label, label is 'c'"):
        source(tmp_path / "all.csv").listing()
    write(tmp_path / "words.csv", {"label": ["a"] * 10, "x": ["some", "words"] * 5})
    with pytest.raises(TinyopsError, match="has 0 columns of numbers") as refused:
        _ = source(tmp_path / "words.csv").shape
    assert "data.columns" in refused.value.remedy


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"rate": None}, "give rate and window, or raster"),
        ({"raster": 32}, "raster makes one picture"),
        ({"rate": None, "window": None, "raster": 32, "columns": ["x"]}, "raster draws two columns"),
        ({"time": "t", "recorded_rate": 50}, "both say when a row was"),
        ({"columns": ["x", "x"]}, "names a column twice"),
        ({"window": 1e6}, "window has 10000000 steps"),
        ({"window": 0.01}, "window has 0 steps"),
        ({"resolution": 0.1}, "resolution is that of the points"),
    ],
)
def test_fields_that_do_not_fit_each_other_are_refused(tmp_path: Path, fields: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        source(tmp_path, **fields)


def parquet(table: Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(table), file)
    return file.getvalue()


SEEDS = {
    "csv": b"t,label,x,y\n0,a,1,2\n0.1,a,3,4\n0.2,b,5,6\n",
    "json": b'{"all": [{"label": "a", "points": [{"t": 0, "x": 1, "y": 2}, {"t": 0.1, "x": 3, "y": 4}]}]}',
    "parquet": parquet({"t": [0.0, 0.1, 0.2], "label": ["a", "a", "b"], "x": [1, 2, 3], "y": [0.5, 1.5, 2.5]}),
}


@given(data=st.data())
def test_no_bytes_get_past_the_decoders(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(KINDS))
    contents = bytearray(SEEDS[kind])
    for _ in range(data.draw(st.integers(0, 8))):
        contents[data.draw(st.integers(0, len(contents) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, len(contents)))
    path = tmp_path_factory.mktemp("fuzz") / f"all.{kind}"
    path.write_bytes(bytes(contents[:cut]) + data.draw(st.binary(max_size=40)))
    is_json = kind == "json"
    motion = source(path, time="t", columns=["x", "y"], recording="all" if is_json else None)
    try:
        listing = motion.listing()
        for index in range(len(listing)):
            list(motion.samples(listing, index))
    except TinyopsError as error:
        assert str(error)  # noqa: PT017 - most examples are refused, some are read


def test_the_report_says_what_was_done(tmp_path: Path) -> None:
    write(tmp_path / "a/1.csv", wave(10))
    assert source_class("motion") is MotionSource
    assert source(tmp_path, time="t", hop=0.5).describe(NO_RECORDS) == {
        "columns": "x, y",
        "rate": "10 Hz",
        "window": "10 steps, 1 s; shorter: the last repeated",
        "hop": "5 steps, 0.5 s",
        "resampled": "straight lines; the mean over a step of 1.5 rows or more",
    }
    assert "resampled" not in source(tmp_path, columns=["x"]).describe(NO_RECORDS)


def test_what_changes_changes_the_fingerprint(tmp_path: Path) -> None:
    write(tmp_path / "data/a/1.csv", wave(10))
    folder, table = source(tmp_path / "data"), tmp_path / "all.parquet"
    before = folder.fingerprint()
    write(tmp_path / "data/b/2.csv", wave(10))
    assert folder.fingerprint() != before
    write(table, many())
    before = source(table).fingerprint()
    assert source(table).fingerprint() == before
    write(table, wave(20))
    assert source(table).fingerprint() != before
