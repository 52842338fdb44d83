"""What holds for all tests."""

import os
import signal
import sys

import pytest
from hypothesis import HealthCheck, settings

# Tests started in the background may have been told to ignore Ctrl-C, which the commands they run would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says something about the machine only.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# Fixtures that take long and that tests of several modules share.
_SHARED = ("digits", "line", "interop")

# What takes longest begins first, so that no worker is left alone with it at the end.
_LONG = ("tests/pipeline", "tests/components", "tests/conformance")


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests run side by side (`make test`), those that share something stay in one process."""
    for item in items:
        shared = next((name for name in _SHARED if name in getattr(item, "fixturenames", ())), None)
        item.add_marker(pytest.mark.xdist_group(shared or str(item.path)))
    items.sort(key=lambda item: not item.nodeid.startswith(_LONG))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """TensorFlow Transform sets it for its own process when it is imported; a child of a later test is none of its."""
    os.environ.pop("TF_USE_LEGACY_KERAS", None)


def pytest_collection_finish() -> None:
    """A test that needs TensorFlow imports it where it runs: collecting any other test would pay for it."""
    imported = {"tensorflow", "tfx", "apache_beam"} & sys.modules.keys()
    if imported:
        raise pytest.UsageError(f"collecting the tests has imported {', '.join(sorted(imported))}")
