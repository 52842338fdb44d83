"""`tinyops releases`: list and show releases, and export one as sources for firmware."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from edge_deployer.cli.options import WORKSPACE, AsJson

releases = typer.Typer(name="releases", no_args_is_help=True, add_completion=False, rich_markup_mode=None)

_Release = Annotated[
    str,
    typer.Argument(
        metavar="RELEASE", help="A release of the workspace, by version and build or by its id; or a release's folder."
    ),
]
_Workspace = Annotated[Path, typer.Option(help="Folder that has the releases.")]
_PublicKey = Annotated[
    Path | None,
    typer.Option(
        help="ed25519 public key, PEM, that the release must be signed with, or several; the workspace's own without."
    ),
]


class _Format(str, Enum):
    C = "c"


@releases.callback()
def about() -> None:
    """Look at the releases of a workspace, and export one as sources for firmware.

    `tinyops push` and `tinyops run` keep every release in a folder of WORKSPACE/releases, named by version and build.
    No command here touches a board, or changes a release. What `show` and `export` name is verified first: the
    signature, and each file against the signed manifest.

    Exit status: 0 done, 1 an error, 2 wrong usage.
    """


@releases.command("list", epilog="Example: tinyops releases list")
def list_all(workspace: _Workspace = WORKSPACE, as_json: AsJson = False) -> None:
    """List all releases, the newest first: what each is, where its features are computed, whether it was promoted."""
    from edge_deployer.cli.releases.answers import print_list
    from edge_deployer.release.opening import list_releases

    print_list(list_releases(workspace), workspace, as_json=as_json)


@releases.command(epilog="Example: tinyops releases show 1.0.0+3")
def show(
    release: _Release, workspace: _Workspace = WORKSPACE, public_key: _PublicKey = None, as_json: AsJson = False
) -> None:
    """Verify a release, and show its manifest: model, figures, arena, front end, where it comes from, its files.

    Its model card, a page to open in a browser, is one of the files; --json prints the card's facts, too.
    """
    from edge_deployer.cli.releases.answers import print_release
    from edge_deployer.release.opening import open_release

    print_release(open_release(workspace, release, public_key), as_json=as_json)


@releases.command(epilog="Example: tinyops releases export 1.0.0+3 --format c --output firmware/model")
def export(
    release: _Release,
    format_: Annotated[_Format, typer.Option("--format", help="c: C11 sources for firmware with TFLM.")] = _Format.C,
    output: Annotated[
        Path | None,
        typer.Option(
            help="Folder to write to: a new or empty one, or one of an earlier export; RELEASE-FORMAT here without."
        ),
    ] = None,
    workspace: _Workspace = WORKSPACE,
    public_key: _PublicKey = None,
    as_json: AsJson = False,
) -> None:
    """Write a release as sources for firmware.

    The folder then has the model as an aligned C array, the operators for TFLM's resolver, the size of the arena and
    what it rests on, quantisation and shape of input and output, the names of the classes, the front end's parameters,
    a golden sample, the release's model card, and a README.md with the lines that run it.

    Where real boards run the release, the arena rests on what they reported; or else on the host's estimate.
    """
    from edge_deployer.cli.releases.answers import print_export
    from edge_deployer.export.arena import arena_of
    from edge_deployer.export.c_sources import export_c
    from edge_deployer.release.opening import open_release

    bundle = open_release(workspace, release, public_key)
    folder = output or Path(f"{bundle.manifest.version}-{format_.value}")
    arena = arena_of(bundle)
    print_export(export_c(bundle, arena, folder), arena, folder, as_json=as_json)


@releases.command(epilog="Example: tinyops releases card-schema > model_card.schema.json")
def card_schema() -> None:
    """Print the format of a release's model_card.json as JSON Schema."""
    from edge_deployer.release.model_card import card_schema as schema

    typer.echo(schema(), nl=False)
