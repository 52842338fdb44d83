"""Collecting the tests is quick, and no test depends on another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import COLLECTED_WITH


def test_tests_that_need_tensorflow_import_it_where_they_run(pytestconfig: pytest.Config) -> None:
    """Each process that runs tests collects all of them, and whoever runs one waits for it."""
    assert not {"tensorflow", "tfx", "apache_beam"} & pytestconfig.stash[COLLECTED_WITH]


def test_nothing_is_imported_from_a_module_of_tests() -> None:
    """What two of them need has a module of its own, which holds no test."""
    modules = Path(__file__).parent.rglob("*.py")
    imports = re.compile(r"^\s*(?:from|import) tests\..*\btest_.*", re.MULTILINE)
    assert {path.name: found for path in modules if (found := imports.findall(path.read_text()))} == {}
