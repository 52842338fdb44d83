"""Files in an object store that speaks S3, as Kubeflow's does: moto's server, and its own client beside ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_deployer.errors import TinyopsError
from tests.interop.stores import PAGE


def upload(bucket: Any, folder: Path, root: str) -> None:
    """As Kubeflow's launcher leaves an output: a file each, and no folders."""
    for file in folder.rglob("*"):
        if file.is_file():
            bucket.upload_file(str(file), f"{root}/{file.relative_to(folder)}")


def test_the_baseline_is_found_in_kubeflows_store(bucket: Any, tmp_path: Path) -> None:
    from components.blessed_models import latest_other, record

    root = "minio://mlpipeline/tinyops/digits"
    assert latest_other(root, b"candidate") is None
    for number, model in enumerate([b"first", b"second", b"candidate"]):
        blessing = tmp_path / f"run-{number}" / "TFLMEvaluator" / "7" / "blessing"
        blessing.mkdir(parents=True)
        record(blessing, model)
    upload(bucket, tmp_path, "tinyops/digits")
    bucket.put_object(Key="tinyops/digits-2/run-9/blessed_record.json", Body=b"another pipeline's")
    found = latest_other(root, b"candidate")
    assert found is not None
    assert found.read() == b"second"
    found = latest_other("s3://mlpipeline/tinyops/digits", b"second")
    assert found is not None
    assert found.read() == b"candidate"


def test_more_files_than_a_page_of_answers_holds(bucket: Any) -> None:
    from components.object_store import find

    for number in range(PAGE):
        bucket.put_object(Key=f"many/{number}/log.txt", Body=b"")
    bucket.put_object(Key="many/zz/wanted.json", Body=b"")
    assert find("s3://mlpipeline/many", "wanted.json") == ["s3://mlpipeline/many/zz/wanted.json"]


@pytest.mark.usefixtures("bucket")
def test_a_store_that_answers_for_a_folder_with_nothing_in_it() -> None:
    from components.object_store import require_answer

    require_answer("minio://mlpipeline/tinyops/digits")
    with pytest.raises(TinyopsError, match="NoSuchBucket"):
        require_answer("minio://nobodys/tinyops/digits")


def test_data_is_read_from_the_store(bucket: Any, tmp_path: Path) -> None:
    from components.object_store import local_copy

    np.savez(tmp_path / "data.npz", sound=np.arange(3))
    bucket.upload_file(str(tmp_path / "data.npz"), "data/data.npz")
    with local_copy("minio://mlpipeline/data/data.npz") as copy:
        assert np.load(copy)["sound"].tolist() == [0, 1, 2]
    assert not copy.exists()


@pytest.mark.parametrize(
    ("path", "cause"), [("s3://mlpipeline/data/missing.npz", "NoSuchKey"), ("s3://nobodys/data.npz", "NoSuchBucket")]
)
@pytest.mark.usefixtures("bucket")
def test_what_the_store_does_not_have_is_an_error_with_a_remedy(path: str, cause: str) -> None:
    from components.object_store import read

    with pytest.raises(TinyopsError, match=cause) as missing:
        read(path)
    assert path in missing.value.message
    assert "AWS_ENDPOINT_URL" in missing.value.remedy


def test_the_acceptance_of_a_run_is_copied(bucket: Any, tmp_path: Path) -> None:
    from pipeline.ci.tools import real_tools

    copy = real_tools().copy_junit
    for run, text in (("run-1", b"<one/>"), ("run-2", b"<two/>")):
        bucket.put_object(Key=f"line/digits/{run}/TFLMPusher/7/deployment_report/junit.xml", Body=text)
    copy("minio://mlpipeline/line/digits/run-2", tmp_path / "new" / "junit.xml")
    assert (tmp_path / "new" / "junit.xml").read_bytes() == b"<two/>"
    with pytest.raises(TinyopsError, match=r"run-3 has no junit\.xml"):
        copy("minio://mlpipeline/line/digits/run-3", tmp_path / "junit.xml")
