"""Fixtures with a Kubeflow Pipelines API server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipeline.registration.api_server import PAGE_VARIABLE, TOKEN_VARIABLE
from pipeline.registration.host import HOST_VARIABLE
from tests.pipeline.kfp_api_server import KfpApiServer, kfp_api_server


@pytest.fixture(autouse=True)
def no_kfp_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment says of another server is not for these tests."""
    for name in (HOST_VARIABLE, PAGE_VARIABLE, TOKEN_VARIABLE, "TINYOPS_APPROVED_BY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[KfpApiServer]:
    """A server with nothing on it."""
    with kfp_api_server() as running:
        yield running
