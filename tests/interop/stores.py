"""Object stores on the loopback: moto's S3 server, and one of Google's protocol over a folder (`gcs_server`)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kubernetes.daemons import daemon, free_ports

PAGE = 3
"""How many names the server puts in one answer; Amazon's puts 1,000."""


@pytest.fixture(scope="session")
def endpoint(interop: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address."""
    (port,) = free_ports(1)
    server = [interop / "moto_server", "--host", "127.0.0.1", "--port", str(port)]
    command = ["env", f"MOTO_S3_DEFAULT_MAX_KEYS={PAGE}", *server]
    with daemon(command, tmp_path_factory.mktemp("store") / "log", [port]):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An empty bucket named mlpipeline, where the environment says that it is."""
    import boto3

    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "minio")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "minio123")
    bucket = boto3.resource("s3").Bucket("mlpipeline")
    bucket.create()
    yield bucket
    bucket.objects.delete()
    bucket.delete()


@pytest.fixture(scope="session")
def google_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a store of Google's, and the folder that has its buckets."""
    folder = tmp_path_factory.mktemp("google")
    (port,) = free_ports(1)
    command = [sys.executable, Path(__file__).with_name("gcs_server.py"), folder, str(port)]
    with daemon(command, tmp_path_factory.mktemp("store") / "log", [port]):
        yield f"http://127.0.0.1:{port}", folder


@pytest.fixture
def google_bucket(
    google_store: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The folder of an empty bucket, which is called as the folder is, and which Google's own client finds."""
    from apache_beam.internal.gcp import auth

    address, buckets = google_store
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
    # Beam looks for credentials for half a minute, once, before it does without.
    monkeypatch.setattr(auth._Credentials, "_credentials_init", True)
    return Path(tmp_path_factory.mktemp("bucket").rename(buckets / f"bucket-{len(list(buckets.iterdir()))}"))
