"""What holds for all tests."""

import os
import signal
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from edge_deployer.child_process import module_command
from edge_deployer.inventory import bench
from edge_deployer.release import image
from edge_deployer.tflm import start
from tests.warm_start import warm_start

pytest_plugins = ["tests.skips"]

# Tests started in the background may have been told to ignore signals, which the commands they run would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

COLLECTED_WITH = pytest.StashKey[frozenset[str]]()

# How long an example takes says something about the machine only.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# Where tests run side by side, those of a file stay in one process, and so do those of files that share a fixture that
# takes long to make.
_TOGETHER = {
    "tests/components/": "the line of the components",
    "tests/pipeline/local/test_gates.py": "the first run of the digits",
    "tests/pipeline/local/test_run.py": "the first run of the digits",
}

# What takes longest begins first, so that no process is left alone with it at the end.
_FIRST = (
    "tests/pipeline/kubeflow/replay/test_replayed_project.py",
    "tests/pipeline/local/test_run.py",
    "tests/pipeline/local/test_gates.py",
    "tests/components/",
    "tests/conformance/",
    "tests/edge_deployer/cli/",
    "tests/edge_deployer/rollout/",
    "tests/pipeline/",
)

# They start processes, import TensorFlow or make much data: what `make test-fast` leaves out.
_SLOW = (
    "tests/benchmarks/",
    "tests/ci/",
    "tests/components/",
    "tests/conformance/",
    "tests/edge_deployer/acceptance/test_defects.py",
    "tests/edge_deployer/boards/test_bench.py",
    "tests/edge_deployer/boards/test_hand.py",
    "tests/edge_deployer/boards/test_known_good.py",
    "tests/edge_deployer/boards/test_power_cycle.py",
    "tests/edge_deployer/boards/test_revival.py",
    "tests/edge_deployer/boards/test_trail.py",
    "tests/edge_deployer/cli/",
    "tests/edge_deployer/export/test_c_sources.py",
    "tests/edge_deployer/export/test_c_text.py",
    "tests/edge_deployer/inventory/test_leases.py",
    "tests/edge_deployer/inventory/test_power.py",
    "tests/edge_deployer/release/test_bundle.py",
    "tests/edge_deployer/release/test_fit.py",
    "tests/edge_deployer/release/test_validation.py",
    "tests/edge_deployer/release/test_without_tflm.py",
    "tests/edge_deployer/report/test_html.py",
    "tests/edge_deployer/rollout/",
    "tests/edge_deployer/session/",
    "tests/edge_deployer/tflm/",
    "tests/edge_deployer/virtual_board/",
    "tests/interop/",
    "tests/kubernetes/",
    "tests/pipeline/beam/",
    "tests/pipeline/catalogue/",
    "tests/pipeline/ci/",
    "tests/pipeline/init/test_made_sets.py",
    "tests/pipeline/init/test_surveys.py",
    "tests/pipeline/init/test_write.py",
    "tests/pipeline/kubeflow/compilation/test_compiler.py",
    "tests/pipeline/kubeflow/step/test_entrypoint.py",
    "tests/pipeline/kubeflow/step/test_executor_input.py",
    "tests/pipeline/kubeflow/replay/test_failures.py",
    "tests/pipeline/kubeflow/replay/test_run.py",
    "tests/pipeline/kubeflow/replay/test_replayed_project.py",
    "tests/pipeline/registration/test_register.py",
    "tests/pipeline/templates/",
    "tests/pipeline/local/test_gates.py",
    "tests/pipeline/local/test_run.py",
    "tests/pipeline/cli/test_schema_command.py",
    "tests/pipeline/local/test_phrases.py",
    "tests/set_up/",
    "tests/test_environments.py",
    "tests/test_skips.py",
)


def pytest_configure() -> None:
    """Options of this run are none of the runs that tests start, in folders where they mean nothing."""
    os.environ.pop("PYTEST_ADDOPTS", None)


class _Together(LoadFileScheduling):
    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((name for prefix, name in _TOGETHER.items() if file.startswith(prefix)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _Together:
    """Not by xdist's groups, which pytest 9.2 makes do nothing: xdist 3.8 writes them where node ids no longer are."""
    return _Together(config, log)


@pytest.hookimpl(tryfirst=True)  # before pytest chooses by marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow; the longest files first."""
    for item in items:
        if item.nodeid.startswith(_SLOW):
            item.add_marker(pytest.mark.slow)
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    return next((place for place, prefix in enumerate(_FIRST) if item.nodeid.startswith(prefix)), len(_FIRST))


@pytest.fixture(scope="session", autouse=True)
def children_start_warm() -> Iterator[None]:
    """See `tests/warm_start.py`."""
    with warm_start() as command, pytest.MonkeyPatch.context() as patched:
        for module in (bench, start, image):
            patched.setattr(module, "module_command", command)
        yield


@pytest.fixture
def children_start_cold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children start as the product starts them."""
    for module in (bench, start, image):
        monkeypatch.setattr(module, "module_command", module_command)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """TensorFlow Transform sets it for its own process when it is imported; a child of a later test is none of its."""
    os.environ.pop("TF_USE_LEGACY_KERAS", None)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note what collecting has imported, for `test_collection.py`."""
    session.config.stash[COLLECTED_WITH] = frozenset(sys.modules)
