"""The documentation has every check, as the check itself declares it."""

from __future__ import annotations

from pathlib import Path

from edge_deployer.acceptance.registry import declared

PAGE = Path(__file__).parents[3] / "docs" / "acceptance.md"


def test_every_check_has_its_row() -> None:
    rows = [
        " | ".join(
            (
                f"| `{check.name}`",
                check.about,
                ", ".join(sorted(check.pools, reverse=True)) + " boards",
                ", ".join(sorted(check.made_of)),
                f"{'yes' if check.may_warn else 'no'} |",
            )
        )
        for check in declared()
    ]
    text = PAGE.read_text()
    assert "\n".join(rows) in text, "\n".join(rows)
