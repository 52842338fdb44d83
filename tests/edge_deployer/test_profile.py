"""The profiles that are shipped."""

from __future__ import annotations

import pytest

from edge_deployer.profile import load_profile, shipped_profiles
from tests.environments import ROOT


@pytest.mark.parametrize("name", shipped_profiles())
def test_a_shipped_profile_is_named_as_its_file_and_stands_where_users_look(name: str) -> None:
    profile = load_profile(name)
    assert profile.name == name
    assert profile.speeds_of
    for page in ("board-profiles.md", "data-scientist.md", "release-engineer.md"):
        assert name in (ROOT / "docs" / page).read_text(), page
