"""Fails a run whose skipped tests are not all known: `pytest --allowed-skips=FILE`.

The file is YAML: why each test that may be skipped is, in the test's own words, and why that cannot be helped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml


def pytest_addoption(parser: pytest.Parser) -> None:
    # A string, since xdist sends options to its workers, and cannot send a path.
    parser.addoption(
        "--allowed-skips",
        metavar="FILE",
        help="fail if a test is skipped for a reason that is not a key of this YAML file",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("allowed_skips") is not None:
        config.pluginmanager.register(Skips(_read(Path(config.getoption("allowed_skips")))), "allowed-skips")


def _read(path: Path) -> Mapping[str, str]:
    try:
        allowed = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise pytest.UsageError(f"--allowed-skips: {path} cannot be read: {error}") from error
    entries = allowed.items() if isinstance(allowed, dict) else [(None, None)]
    if not all(isinstance(reason, str) and isinstance(why, str) for reason, why in entries):
        raise pytest.UsageError(f"--allowed-skips: {path} must map each reason to why it cannot be helped")
    return dict(entries)


class Skips:
    """What was skipped, by test or file, with the reason.

    With xdist, the reports of all workers come to the process that started them, whose status and summary count.
    """

    def __init__(self, allowed: Mapping[str, str]) -> None:
        self._allowed = allowed
        self._reasons: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # An expected failure is reported as skipped too.
        if report.skipped and not hasattr(report, "wasxfail"):
            self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        # A whole file. Each worker of xdist reports it, so that it is noted by name.
        if report.skipped:
            self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        assert isinstance(report.longrepr, tuple)
        self._reasons[report.nodeid] = report.longrepr[2].removeprefix("Skipped: ")

    def _unknown(self) -> dict[str, str]:
        return {name: reason for name, reason in self._reasons.items() if reason not in self._allowed}

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._unknown() and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._reasons:
            return
        terminalreporter.section("skipped tests")
        for reason, count in Counter(self._reasons.values()).items():
            if reason in self._allowed:
                terminalreporter.line(f"{count} allowed: {reason} ({self._allowed[reason]})")
        for name, reason in self._unknown().items():
            terminalreporter.line(f"ERROR: {name} was skipped, and may not be: {reason}", red=True)
