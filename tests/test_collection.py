"""Collecting the tests is quick."""

from __future__ import annotations

import pytest

from tests.conftest import COLLECTED_WITH


def test_tests_that_need_tensorflow_import_it_where_they_run(pytestconfig: pytest.Config) -> None:
    """Each process that runs tests collects all of them, and whoever runs one waits for it."""
    assert not {"tensorflow", "tfx", "apache_beam"} & pytestconfig.stash[COLLECTED_WITH]
