"""Shows what `tinyops ci` decides, does, and did."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape

from edge_deployer.cli import output
from edge_deployer.cli.exit_status import EXIT_ERROR, EXIT_REFUSED
from pipeline.ci.delivery import Delivery, StepOutcome
from pipeline.ci.preparation import Prepared
from pipeline.ci.refusal import ReleaseRefused

NOTHING = "nothing changed that asks for a step"
_COLOURS = {"passed": "green", "failed": "bold red"}
_IN_WORDS = {
    "done": "done",
    "unchanged": "nothing to do",
    "waiting": "waiting for an approval",
    "failed": "failed",
    "refused": "refused",
}


def print_plan(prepared: Prepared, *, as_json: bool) -> None:
    """What changed, and what would run."""
    if as_json:
        output.print_json(_decision(prepared))
        return
    console = output.console()
    show_reasons(console, prepared)
    console.print(f"steps: {', '.join(prepared.plan.steps) or 'none'}")
    if prepared.plan.held:
        console.print(f"after an approval: {', '.join(prepared.plan.held)}")


def show_reasons(console: Console, prepared: Prepared) -> None:
    """What changed, a line each."""
    for reason in prepared.findings.reasons or (NOTHING,):
        console.print(escape(reason))
    if prepared.findings.revision.data is None:
        console.print("note: the data cannot be read on this machine; whether it changed is not known")


def show_step(console: Console, outcome: StepOutcome) -> None:
    """A line for a step that has ended."""
    if outcome.outcome in _COLOURS:
        verdict = f"[{_COLOURS[outcome.outcome]}]{outcome.outcome}[/]"
        console.print(f"{outcome.step.value:<8} {outcome.seconds:>7.1f} s  {verdict}  {escape(outcome.detail)}")


def exit_status(delivery: Delivery) -> int:
    """0 if nothing failed, 3 if the model was refused, 1 otherwise."""
    if delivery.error is None:
        return 0
    return EXIT_REFUSED if isinstance(delivery.error, ReleaseRefused) else EXIT_ERROR


def print_outcome(prepared: Prepared, delivery: Delivery, *, as_json: bool) -> None:
    """How it ended, on stdout."""
    if as_json:
        output.print_json(_outcome(prepared, delivery))
        return
    console = output.console()
    console.print(f"[bold]{_IN_WORDS[_verdict(delivery)]}[/]")
    if delivery.error is not None:
        left = [outcome.step.value for outcome in delivery.outcomes if outcome.outcome == "not run"]
        console.print(f"  {_failed_step(delivery)}: {escape(delivery.error.message)}")
        console.print(f"  remedy: {escape(delivery.error.remedy)}")
        console.print(f"  not run: {', '.join(left) or 'none'}")
    elif delivery.plan.held:
        console.print("  remedy: run it again with --approved-by NAME; what passed for this commit is not tested again")
    for label, url in (("version", _version_url(delivery)), ("run", delivery.steps.run_url)):
        if url:
            console.print(f"  {label}: {escape(url)}")


def _verdict(delivery: Delivery) -> str:
    if delivery.error is not None:
        return "refused" if isinstance(delivery.error, ReleaseRefused) else "failed"
    if delivery.plan.held:
        return "waiting"
    return "done" if delivery.plan.steps else "unchanged"


def _failed_step(delivery: Delivery) -> str | None:
    return next((outcome.step.value for outcome in delivery.outcomes if outcome.outcome == "failed"), None)


def _version_url(delivery: Delivery) -> str | None:
    return delivery.steps.registration.url if delivery.steps.registration else None


def _decision(prepared: Prepared) -> dict[str, Any]:
    return {
        "commit": prepared.findings.revision.commit,
        "data": prepared.findings.revision.data,
        "changes": sorted(prepared.findings.changes),
        "reasons": prepared.findings.reasons,
        "plan": prepared.plan.steps,
        "held": prepared.plan.held,
        "approved_by": prepared.job.approved_by,
    }


def _outcome(prepared: Prepared, delivery: Delivery) -> dict[str, Any]:
    error = delivery.error
    return {
        "outcome": _verdict(delivery),
        **_decision(prepared),
        "steps": [asdict(outcome) for outcome in delivery.outcomes],
        "failed_step": _failed_step(delivery),
        "error": error.message if error else None,
        "remedy": error.remedy if error else None,
        "version": _version_url(delivery),
        "run": delivery.steps.run_url,
    }
