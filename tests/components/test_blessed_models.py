from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.errors import TinyopsError

MODELS = [b"first", b"second", b"third"]


def bless(folder: Path, model: bytes, day: int) -> None:
    """A record as of a day, wherever in the pipeline root it lies."""
    from components.blessed_models import record

    folder.mkdir(parents=True)
    record(folder, model)
    file = folder / "blessed_record.json"
    stamp = datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(days=day)
    file.write_text(json.dumps({**json.loads(file.read_text()), "blessed_at": stamp.isoformat()}))


@given(
    blessed=st.lists(st.tuples(st.sampled_from(MODELS), st.integers(0, 1000)), unique_by=lambda one: one[1]),
    candidate=st.sampled_from(MODELS),
)
def test_the_baseline_is_the_latest_blessed_model_with_other_contents(
    tmp_path_factory: pytest.TempPathFactory, blessed: list[tuple[bytes, int]], candidate: bytes
) -> None:
    from components.blessed_models import latest_other

    root = tmp_path_factory.mktemp("root")
    for number, (model, day) in enumerate(blessed):
        bless(root / f"run-{number}" / "TFLMEvaluator" / "blessing", model, day)
    others = sorted((day, model) for model, day in blessed if model != candidate)
    found = latest_other(str(root), candidate)
    assert (found and found.read()) == (others[-1][1] if others else None)


def test_a_pipeline_root_that_is_not_there_yet_has_no_baseline(tmp_path: Path) -> None:
    from components.blessed_models import latest_other

    assert latest_other(str(tmp_path / "new"), b"model") is None


def test_the_record_comes_after_the_model(tmp_path: Path) -> None:
    """In the order of names, in which Kubeflow's launcher uploads: who finds a record finds its model too."""
    from components.blessed_models import record

    record(tmp_path, b"model")
    assert [path.suffix for path in sorted(tmp_path.iterdir())] == [".tflite", ".json"]


def test_a_record_that_is_none_is_named(tmp_path: Path) -> None:
    from components.blessed_models import latest_other

    (tmp_path / "blessed_record.json").write_text('{"sha256": "ab"}')
    with pytest.raises(TinyopsError, match=r"blessed_record\.json.*blessed_at"):
        latest_other(str(tmp_path), b"model")


def test_a_folder_whose_name_looks_like_a_pattern(tmp_path: Path) -> None:
    from components.blessed_models import latest_other

    bless(tmp_path / "runs [1]" / "blessing", b"first", 1)
    found = latest_other(str(tmp_path / "runs [1]"), b"second")
    assert found is not None


def test_a_model_that_is_blessed_again_is_another_baseline(tmp_path: Path) -> None:
    """Else a run out of the cache would not be blessed again, and a model long replaced would be the latest."""
    from tfx.orchestration.portable.data_types import ExecutionInfo
    from tfx.types import standard_artifacts

    from components.fingerprint_driver import FINGERPRINT
    from components.latest_blessed_model.executor import Driver
    from components.tflite_model import serving_file

    candidate = standard_artifacts.Model()
    candidate.uri = str(tmp_path / "candidate")
    serving_file(tmp_path / "candidate").parent.mkdir(parents=True)
    serving_file(tmp_path / "candidate").write_bytes(b"candidate")
    info = ExecutionInfo(input_dict={"candidate": [candidate]}, exec_properties={"all_runs": str(tmp_path / "runs")})

    def fingerprint() -> str:
        return str(Driver(None).run(info).exec_properties[FINGERPRINT].string_value)

    assert fingerprint() == "none"
    bless(tmp_path / "runs" / "1", b"first", 1)
    found = fingerprint()
    assert fingerprint() == found
    bless(tmp_path / "runs" / "2", b"first", 2)
    assert fingerprint() != found


def test_a_store_that_does_not_answer_is_an_error_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Port 9 of this machine, where nobody listens."""
    from components.blessed_models import latest_other

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with pytest.raises(TinyopsError, match=r"127\.0\.0\.1:9") as unreachable:
        latest_other("minio://bucket/line", b"model")
    assert "AWS_ENDPOINT_URL" in unreachable.value.remedy
