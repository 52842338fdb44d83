from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[1]

SKIPS = """
    import pytest

    def test_passes():
        pass

    @pytest.mark.skipif(True, reason="no board")
    def test_that_needs_a_board():
        pass
"""


@pytest.fixture(autouse=True)
def plugin(pytester: pytest.Pytester) -> None:
    pytester.syspathinsert(ROOT)
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")


@pytest.fixture
def allowed(pytester: pytest.Pytester) -> Path:
    return pytester.makefile(".yaml", allowed="no board: none is attached here")


def run(pytester: pytest.Pytester, allowed: Path, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_inprocess("-p", "tests.skips", "--allowed-skips", allowed, *arguments)


def test_a_skip_on_the_list_passes_and_is_shown_with_why(pytester: pytest.Pytester, allowed: Path) -> None:
    pytester.makepyfile(SKIPS)
    done = run(pytester, allowed)
    assert done.ret == pytest.ExitCode.OK
    done.stdout.fnmatch_lines(["1 allowed: no board (none is attached here)"])


# One process, and several whose reports come to the first.
@pytest.mark.parametrize("arguments", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_skips_that_are_not_on_the_list_fail_the_run_and_are_named_once(
    pytester: pytest.Pytester, allowed: Path, arguments: list[str]
) -> None:
    pytester.makepyfile(
        test_boards=SKIPS.replace("no board", "no ser2net"),
        test_manifests="import pytest\npytest.skip('no kubectl', allow_module_level=True)",
    )
    done = run(pytester, allowed, *arguments)
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    said = sorted(line for line in done.outlines if line.startswith("ERROR: "))
    assert said == [
        "ERROR: test_boards.py::test_that_needs_a_board was skipped, and may not be: no ser2net",
        "ERROR: test_manifests.py was skipped, and may not be: no kubectl",
    ]


def test_a_fixture_that_skips_counts(pytester: pytest.Pytester, allowed: Path) -> None:
    pytester.makepyfile(
        "import pytest\n@pytest.fixture\ndef board(): pytest.skip('unplugged')\ndef test_board(board): pass"
    )
    done = run(pytester, allowed)
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    done.stdout.fnmatch_lines(["ERROR: *::test_board was skipped, and may not be: unplugged"])


def test_a_failure_that_is_expected_is_no_skip(pytester: pytest.Pytester, allowed: Path) -> None:
    pytester.makepyfile("import pytest\n@pytest.mark.xfail(reason='known')\ndef test_fails(): assert False")
    assert run(pytester, allowed).ret == pytest.ExitCode.OK


@pytest.mark.parametrize("caller", [".ci/run", ".github/workflows/checks.yml"])
def test_who_asks_for_the_list_of_this_repository_gets_it(caller: str) -> None:
    """With a space before the file, pytest takes it for a test and looks for the option beside it."""
    options = re.search(r"PYTEST_ADDOPTS(?:: |=\")(--[^$\n]+)", (ROOT / caller).read_text())
    assert options is not None
    environment = os.environ | {"PYTEST_ADDOPTS": options[1]}
    command = [sys.executable, "-m", "pytest", "--markers"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_without_the_list_a_skip_is_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(SKIPS)
    assert pytester.runpytest_inprocess("-p", "tests.skips").ret == pytest.ExitCode.OK


@pytest.mark.parametrize("text", ["- no board", "no board:", "{", ""])
def test_a_list_without_reasons_is_refused(pytester: pytest.Pytester, text: str) -> None:
    done = run(pytester, pytester.makefile(".yaml", allowed=text))
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["ERROR: --allowed-skips: *allowed.yaml *"])


def test_a_list_that_is_not_there_is_refused(pytester: pytest.Pytester) -> None:
    done = run(pytester, Path("nowhere.yaml"))
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["ERROR: --allowed-skips: nowhere.yaml cannot be read*"])
