"""An object store that speaks S3: moto's server."""

from __future__ import annotations

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
