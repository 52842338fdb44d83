"""Which API server is meant."""

from __future__ import annotations

import os
from typing import Final

from edge_deployer.errors import TinyopsError

HOST_VARIABLE: Final = "KF_PIPELINES_ENDPOINT"
"""kfp's own environment variable (kfp.client.client)."""


def resolve_host(host: str | None) -> str:
    """The address of the API server, from the argument or the environment.

    Raises:
        TinyopsError: neither names one.
    """
    host = host or os.environ.get(HOST_VARIABLE)
    if not host:
        raise TinyopsError(
            "no Kubeflow Pipelines API server is named",
            remedy=f"give --host, or set {HOST_VARIABLE}, e.g. http://ml-pipeline.kubeflow.svc.cluster.local:8888",
        )
    return host.rstrip("/") if "://" in host else f"https://{host.rstrip('/')}"
