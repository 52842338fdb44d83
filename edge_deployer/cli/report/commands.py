"""`tinyops report`: list and show reports, judge their evidence once more, print the format of their JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_deployer.cli.exit_status import EXIT_REFUSED
from edge_deployer.cli.options import WORKSPACE, AsJson

report = typer.Typer(name="report", no_args_is_help=True, add_completion=False, rich_markup_mode=None)

_Report = Annotated[
    Path | None,
    typer.Argument(
        metavar="[REPORT]", help="A report's folder or its report.json; default: the newest in the workspace."
    ),
]
_Workspace = Annotated[Path, typer.Option(help="Folder that has the reports.")]


@report.callback()
def about() -> None:
    """Show what a report says of a release, and judge its evidence once more.

    `tinyops push`, `tinyops run` and `tinyops replay` each leave a report in a numbered folder of WORKSPACE/reports:
    report.html for people, report.md in short, junit.xml for CI systems, report.json with all evidence. No command
    here touches a board.

    Exit status: 0 done, 1 an error, 2 wrong usage, 3 the evidence says something else than what is recorded.
    """


@report.command("list", epilog="Example: tinyops report list")
def list_reports(workspace: _Workspace = WORKSPACE, as_json: AsJson = False) -> None:
    """List all runs and pushes, the newest first: when, what, how it ended, its figures, and where the report is."""
    from edge_deployer.cli.report.reports import print_reports
    from edge_deployer.report.reading import read_reports

    found, damaged = read_reports(workspace)
    print_reports(found, damaged, workspace, as_json=as_json)


@report.command("open", epilog="Example: tinyops report open .tinyops/reports/3")
def open_report(named: _Report = None, workspace: _Workspace = WORKSPACE) -> None:
    """Open the page of a report in the browser."""
    import webbrowser

    from edge_deployer.errors import TinyopsError
    from edge_deployer.report.folders import REPORT_HTML
    from edge_deployer.report.reading import find_report

    page = find_report(named, workspace).with_name(REPORT_HTML).resolve()
    typer.echo(str(page))
    if not webbrowser.open(page.as_uri()):
        raise TinyopsError(
            "no browser is found on this machine", remedy="open the page above in one, or `tinyops report show`"
        )


@report.command(epilog="Example: tinyops report show .tinyops/reports/3")
def show(named: _Report = None, workspace: _Workspace = WORKSPACE, as_json: AsJson = False) -> None:
    """Show the verdict, the boards, and each check with its bound and the samples that it took."""
    from edge_deployer.cli.report.reports import print_report
    from edge_deployer.report.reading import find_report, read_report

    path = find_report(named, workspace)
    print_report(read_report(path), path, as_json=as_json)


@report.command(epilog="Example: tinyops report replay .tinyops/reports/3")
def replay(
    named: _Report = None,
    workspace: _Workspace = WORKSPACE,
    public_key: Annotated[
        Path | None, typer.Option(help="ed25519 public key, PEM, that an attestation was signed with, or several.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Judge every board and the staging pool once more, conclude the outcome, and compare codes and figures.

    Verdicts are made of the plan, the reference and the boards' answers in the report alone; the outcome also of what
    each board runs. What is not the same was made by another version of tinyops, or something in the report was
    altered; what differs is named.

    Where the report has the release's attestation, its signature is checked, by the workspace's own key without
    --public-key, and that it is of this evidence.
    """
    from edge_deployer.cli.report.reports import print_replay
    from edge_deployer.release.keys import load_public_key, own_public_pem
    from edge_deployer.report.reading import find_report, read_report
    from edge_deployer.report.replay import replay as judge_again
    from edge_deployer.report.replay import replay_attestation

    path = find_report(named, workspace)
    found, keys = read_report(path), load_public_key(public_key) if public_key else own_public_pem(workspace)
    attestation = replay_attestation(found, keys)
    replayed = [*judge_again(found.deployment), *([attestation] if attestation else [])]
    print_replay(replayed, path, as_json=as_json)
    if any(verdict.same is False for verdict in replayed):
        raise typer.Exit(EXIT_REFUSED)


@report.command(epilog="Example: tinyops report schema > report.schema.json")
def schema() -> None:
    """Print the format of report.json as JSON Schema."""
    from edge_deployer.report.reading import report_schema

    typer.echo(report_schema(), nl=False)
