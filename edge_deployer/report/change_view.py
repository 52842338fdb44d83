"""What a release changes, as rows for people: the same on the terminal, on the page and in the short report."""

from __future__ import annotations

from dataclasses import dataclass

from edge_deployer.release.difference import ReleaseDifference
from edge_deployer.report import formats

_UNKNOWN = "not known"


@dataclass(frozen=True)
class ChangeRow:
    """One fact of both releases."""

    name: str
    before: str
    after: str
    change: str  # By how much, where that can be said; may be empty.


def change_rows(found: ReleaseDifference) -> list[ChangeRow]:
    """Figures and sizes of both, and what else they say otherwise; what is the same there has no row."""
    rows = [ChangeRow(name, *_figures(change.before, change.after)) for name, change in found.metrics.items()]
    rows += [ChangeRow(f"{name} size", *_sizes(change.before, change.after)) for name, change in found.sizes.items()]
    rows += [
        ChangeRow(name, change.before or _UNKNOWN, change.after or _UNKNOWN, "") for name, change in found.facts.items()
    ]
    if found.acceptance_set_changed:
        rows.append(ChangeRow("acceptance set", "one", "another", ""))
    return rows


def file_rows(found: ReleaseDifference) -> list[ChangeRow]:
    """Files of the sources, and distributions of the environment, that are not in both as they were."""
    places = {"added": ("none", "there"), "removed": ("there", "none"), "changed": ("one", "another")}
    rows = [ChangeRow(f"{file.archive}: {file.name}", *places[file.change], file.change) for file in found.files]
    return rows + [
        ChangeRow(name, change.before or "none", change.after or "none", "") for name, change in found.packages.items()
    ]


def _figures(before: float | None, after: float | None) -> tuple[str, str, str]:
    change = "" if before is None or after is None else f"{after - before:+.4g}"
    return _known(before), _known(after), change


def _sizes(before: int | None, after: int | None) -> tuple[str, str, str]:
    texts = [_UNKNOWN if size is None else formats.byte_count(size) for size in (before, after)]
    if before is None or after is None:
        return texts[0], texts[1], ""
    sign = "+" if after > before else "-" if after < before else ""
    return texts[0], texts[1], f"{sign}{formats.byte_count(abs(after - before))}"


def _known(figure: float | None) -> str:
    return _UNKNOWN if figure is None else formats.number(figure)
