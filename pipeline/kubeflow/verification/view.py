"""Prints what is known of a compiled file, for people and for programs."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape

from edge_deployer.cli import output
from pipeline.kubeflow.verification.cluster_needs import Need
from pipeline.kubeflow.verification.findings import Check
from pipeline.kubeflow.verification.verify import Verification

_COLOURS = {"passed": "green", "failed": "bold red", "not checked": "yellow"}


def print_verification(verification: Verification, path: Path, *, verified: bool, as_json: bool) -> None:
    """A line a check with its findings below it, then what the cluster must have."""
    if as_json:
        output.print_json(_for_programs(verification, path, verified))
        return
    console = output.console()
    for check in verification.checks:
        _print_check(console, check)
    for note in verification.notes:
        console.print(f"note: {escape(note)}")
    console.print("\nthe cluster must have")
    for need in verification.needs:
        console.print(f"  {need.kind:12}  {escape(need.name)}{escape(_of_need(need))}")
    verdict = "can be run" if verified else "must not be run as it is"
    console.print(f"\n{escape(str(path))}: {escape(verification.name)} {verdict}")


def _print_check(console: Console, check: Check) -> None:
    detail = f", {check.detail}" if check.detail else ""
    console.print(f"[{_COLOURS[check.status]}]{check.status:11}[/]  {escape(check.name + detail)}")
    for finding in check.findings:
        console.print(f"    {escape(finding.place)}: {escape(finding.message)}")
    if check.not_checked:
        console.print(f"    {escape(check.not_checked)}")
    if check.status != "passed":
        console.print(f"    remedy: {escape(check.remedy)}")


def _of_need(need: Need) -> str:
    details = f": {', '.join(need.details)}" if need.details else ""
    steps = f"{len(need.executors)} steps" if len(need.executors) > 1 else need.executors[0]
    return f"{details} ({steps}{', optional' if need.optional else ''})"


def _for_programs(verification: Verification, path: Path, verified: bool) -> dict[str, object]:
    return {
        "file": str(path),
        "pipeline": verification.name,
        "verified": verified,
        "checks": [
            {
                "name": check.name,
                "detail": check.detail,
                "status": check.status,
                "reason": check.not_checked,
                "findings": check.findings,
                "remedy": check.remedy if check.status != "passed" else "",
            }
            for check in verification.checks
        ],
        "notes": verification.notes,
        "cluster_needs": verification.needs,
    }
