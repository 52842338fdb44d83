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
    """What a check says of itself.

    Attributes:
        name: in a plan's ``on_failure``, in verdicts and, with spaces, in reports.
        place: where it stands among the others; the lowest comes first.
        about: what it asks, in a sentence.
        made_of: the evidence that it is made of, by when boards are asked for it.
        pools: whose boards it judges.
        section: model of its section of the plan; None where it has none.
        section_name: of the section; the check's name if empty.
        default: the section where a plan has none; None: null.
        nullable: whether a plan may say null though there is a default.
        section_about: description of the section.
        asks: heading and jinja2 template of what a plan asks of it, over ``section`` (may be none) and ``plan``; empty
            for a check that asks the same by every plan.
        unit: of what it measures and of its limit.
        at_least: whether the limit is the least that is allowed, and not the most.
        limit_words: jinja2 template of how a failure relates to the limit, over ``allowed`` and the finding.
        complaint: boards that fail checks of one complaint share a failure.
        of_release: whether a failure is the release's own, whatever other boards say.
        may_warn: whether a plan may say that a failure refuses nothing.
        told_by_figures: whether the figures of one that passed say it all.
        metric: the figure that its section sets a floor or a ceiling for; None for other checks.
        needs: what samples must have for that, in words.
    """

    name: ClassVar[str]
    place: ClassVar[int]
    about: ClassVar[str]
    made_of: ClassVar[frozenset[Evidence]]
    pools: ClassVar[frozenset[Pool]] = frozenset({"staging", "production"})
    section: ClassVar[type[BaseModel] | None] = None
    section_name: ClassVar[str] = ""
    default: ClassVar[BaseModel | None] = None
    nullable: ClassVar[bool] = False
    section_about: ClassVar[str] = ""
    asks: ClassVar[tuple[str, str]] = ("", "")
    unit: ClassVar[Unit] = "plain"
    at_least: ClassVar[bool] = False
    limit_words: ClassVar[str] = "where {{ allowed }} is tolerated"
    complaint: ClassVar[str] = "answers"
    of_release: ClassVar[bool] = False
    may_warn: ClassVar[bool] = True
    told_by_figures: ClassVar[bool] = False
    metric: ClassVar[Metric | None] = None
    needs: ClassVar[str] = ""


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
