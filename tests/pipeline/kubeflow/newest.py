"""The environment with the newest kfp, for tests; pytest's cache keeps it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.kubeflow.verification.newest_kfp import NewestKfp, UnavailableError, newest_kfp


def newest(environments: Path) -> NewestKfp:
    """Made unless it is there; without a package index, the test is skipped.

    Args:
        environments: folder that keeps it.
    """
    try:
        return newest_kfp(environments, offline=False, before_making=lambda: None)
    except UnavailableError as error:
        if "does not reach its package index" in str(error):
            pytest.skip(str(error))
        raise
