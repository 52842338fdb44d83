"""The checks there are: what each declares of itself, by which plan, examination, verdicts, report and docs know it."""

from __future__ import annotations

from importlib import import_module
from typing import ClassVar, Literal, TypeVar

from pydantic import BaseModel

from edge_deployer.inventory.inventory import Pool
from edge_deployer.task import Metric

Evidence = Literal["before install", "smoke", "samples", "soak", "power cycle"]
Unit = Literal["share", "score", "bytes", "microseconds", "seconds", "loss", "plain"]


class Declaration:
    """What a check says of itself."""

    name: ClassVar[str]  # In a plan's ``on_failure``, in verdicts and, with spaces, in reports.
    place: ClassVar[int]  # Where it stands among the others; the lowest comes first.
    about: ClassVar[str]  # What it asks, in a sentence.
    made_of: ClassVar[frozenset[Evidence]]  # The evidence that it is made of, by when boards are asked for it.
    pools: ClassVar[frozenset[Pool]] = frozenset({"staging", "production"})  # Whose boards it judges.
    section: ClassVar[type[BaseModel] | None] = None  # Model of its section of the plan; None where it has none.
    section_name: ClassVar[str] = ""  # Of the section; the check's name if empty.
    section_about: ClassVar[str] = ""  # Description of the section.
    default: ClassVar[BaseModel | None] = None  # The section where a plan has none; None: null.
    nullable: ClassVar[bool] = False  # Whether a plan may say null though there is a default.
    # What a plan that has sections for it asks: jinja2 templates over ``section`` (may be none) and ``plan``.
    heading: ClassVar[str] = ""
    asks: ClassVar[str] = ""
    unit: ClassVar[Unit] = "plain"  # Of what it measures and of its limit.
    at_least: ClassVar[bool] = False  # Whether the limit is the least that is allowed, and not the most.
    # Jinja2 template of how a failure relates to the limit, over ``allowed`` and the finding.
    limit_words: ClassVar[str] = "where {{ allowed }} is tolerated"
    complaint: ClassVar[str] = "answers"  # Boards that fail checks of one complaint share a failure.
    of_release: ClassVar[bool] = False  # Whether a failure is the release's own, whatever other boards say.
    may_warn: ClassVar[bool] = True  # Whether a plan may say that a failure refuses nothing.
    told_by_figures: ClassVar[bool] = False  # Whether the figures of one that passed say it all.
    metric: ClassVar[Metric | None] = None  # The figure that its section sets a floor or a ceiling for.
    needs: ClassVar[str] = ""  # What samples must have for that, in words.


_Kind = TypeVar("_Kind", bound=type[Declaration])
_CHECKS: dict[str, Declaration] = {}


def registered(kind: _Kind) -> _Kind:
    """Decorates the class of a check: from then on it is one."""
    _CHECKS[kind.name] = kind()
    return kind


def declared() -> list[Declaration]:
    """All checks, by their place."""
    _import_checks()
    return sorted(_CHECKS.values(), key=lambda check: check.place)


def declaration_of(name: str) -> Declaration | None:
    """The check of a name; None where there is none, as in a record of a version that had one."""
    _import_checks()
    return _CHECKS.get(name)


def _import_checks() -> None:
    """Late, because checks are declared by this module, and judge by a plan, which asks for what is declared."""
    import_module("edge_deployer.acceptance.checks")
