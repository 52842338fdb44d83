"""What holds for all tests."""

import os
import signal
import sys

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

# Tests started in the background may have been told to ignore Ctrl-C, which the commands they run would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says something about the machine only.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# Where tests run side by side, those of a file stay in one process, and so do those of files that share a fixture that
# takes long to make.
_TOGETHER = {
    "tests/components/": "the line of the components",
    "tests/pipeline/test_gates.py": "the first run of the digits",
    "tests/pipeline/test_local_run.py": "the first run of the digits",
}

# What takes longest begins first, so that no process is left alone with it at the end.
_FIRST = (
    "tests/pipeline/kubeflow/test_replayed_project.py",
    "tests/pipeline/test_gates.py",
    "tests/pipeline/test_local_run.py",
    "tests/components/",
    "tests/conformance/",
    "tests/edge_deployer/cli/",
    "tests/edge_deployer/rollout/",
    "tests/pipeline/",
)


class _Together(LoadFileScheduling):
    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((name for start, name in _TOGETHER.items() if file.startswith(start)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _Together:
    """Not by xdist's groups, which pytest 9.2 makes do nothing: xdist 3.8 writes them where node ids no longer are."""
    return _Together(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first."""
    places = {start: place for place, start in enumerate(_FIRST)}
    items.sort(key=lambda item: min((places[start] for start in _FIRST if item.nodeid.startswith(start)), default=99))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """TensorFlow Transform sets it for its own process when it is imported; a child of a later test is none of its."""
    os.environ.pop("TF_USE_LEGACY_KERAS", None)


def pytest_collection_finish() -> None:
    """A test that needs TensorFlow imports it where it runs: collecting any other test would pay for it."""
    imported = {"tensorflow", "tfx", "apache_beam"} & sys.modules.keys()
    if imported:
        raise pytest.UsageError(f"collecting the tests has imported {', '.join(sorted(imported))}")
