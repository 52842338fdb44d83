"""Which data was accepted last, among the artifacts of all runs."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.errors import TinyopsError
from tests.components.data_gate.made_statistics import statistics_of


def accepted(root: Path, number: int, contents: bytes, day: int) -> Path:
    """A record as of a day, wherever in the pipeline root it lies."""
    from components.data_gate.accepted import STATISTICS_FILE, accept

    findings, report = root / "DataGate" / str(number), root / "TFLMPusher" / "deployment_report" / str(number)
    for folder in (findings, report):
        folder.mkdir(parents=True)
    (findings / STATISTICS_FILE).write_bytes(contents)
    accept(findings, report)
    record = report / "accepted_record.json"
    stamp = datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(days=day)
    record.write_text(json.dumps({**json.loads(record.read_text()), "accepted_at": stamp.isoformat()}))
    return report


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=8), st.integers(0, 999)), unique_by=lambda one: one[1]))
def test_the_latest_is_found_by_its_moment(
    tmp_path_factory: pytest.TempPathFactory, runs: list[tuple[bytes, int]]
) -> None:
    from components.data_gate.accepted import latest
    from components.dated_records import digest

    root = tmp_path_factory.mktemp("root")
    for number, (contents, day) in enumerate(runs):
        accepted(root, number, contents, day)
    found = latest(str(root))
    assert (found and found.sha256) == (digest(max(runs, key=lambda one: one[1])[0]) if runs else None)
    assert found is None or Path(found.path).is_file()


def test_statistics_come_back_as_they_were(tmp_path: Path) -> None:
    from components.data_gate.accepted import latest
    from components.data_gate.accepted import statistics_of as statistics_in

    statistics = statistics_of([[0.0], [1.0]], [0, 1])
    report = accepted(tmp_path, 1, statistics.SerializeToString(), 0)
    found = latest(str(tmp_path))
    assert found is not None
    assert statistics_in(found) == statistics
    # In the order of names, in which Kubeflow's launcher uploads: who finds a record finds its data too.
    assert [path.suffix for path in sorted(report.iterdir())] == [".pb", ".json"]


@pytest.mark.parametrize("name", ["accepted_record.json", "accepted_data.pb"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    from components.data_gate.accepted import latest, statistics_of

    report = accepted(tmp_path, 1, b"", 0)
    (report / name).write_bytes(b"\xff{")
    with pytest.raises(TinyopsError) as refused:
        statistics_of(latest(str(tmp_path)))
    assert str(report / name) in refused.value.message
