"""What holds for all tests."""

import os
import signal

import pytest

pytest_plugins = ["tests.skips"]

# Tests started in the background may have been told to ignore Ctrl-C, which the commands they run would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Fixtures that take long and that tests of several modules share.
_SHARED = ("digits", "line", "interop")

# What takes longest begins first, so that no worker is left alone with it at the end.
_LONG = ("tests/pipeline", "tests/components", "tests/conformance")


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
