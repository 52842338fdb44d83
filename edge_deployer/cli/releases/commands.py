"""`tinyops releases`: look at releases, compare, revoke and remove them, and export one as sources for firmware."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from edge_deployer.cli.exit_status import EXIT_ERROR
from edge_deployer.cli.options import WORKSPACE, AsJson

releases = typer.Typer(name="releases", no_args_is_help=True, add_completion=False, rich_markup_mode=None)

_Release = Annotated[
    str,
    typer.Argument(
        metavar="RELEASE",
        help="A release of the workspace, by version and build, by its id or by its image hash; or a release's folder.",
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
    """Look at the releases of a workspace, compare, revoke and remove them, and export one as sources for firmware.

    `tinyops push` and `tinyops run` keep every release in a folder of WORKSPACE/releases, named by the hash of its
    image, which covers all that is in it. A release is staged when it is built, accepted when staging has accepted it,
    in production while production boards run it, and retired when another has taken its place or it was revoked.

    No command here touches a board, or changes a bundle. What `show`, `verify`, `diff` and `export` name is verified
    first: the signature, and each file against the signed manifest.

    Exit status: 0 done, 1 an error, 2 wrong usage.
    """


@releases.command("list", epilog="Example: tinyops releases list")
def list_all(workspace: _Workspace = WORKSPACE, as_json: AsJson = False) -> None:
    """List all releases, the newest first: stage and since when, profile, figures, size, and what each replaced.

    Nothing is verified. The last line is the security floor, if a release was ever revoked.
    """
    from edge_deployer.cli.releases.answers import print_list
    from edge_deployer.release.opening import list_releases, store_of

    store = store_of(workspace)
    print_list(list_releases(store), store, workspace, as_json=as_json)


@releases.command(epilog="Example: tinyops releases show 1.0.0+3")
def show(
    release: _Release, workspace: _Workspace = WORKSPACE, public_key: _PublicKey = None, as_json: AsJson = False
) -> None:
    """Verify a release, and show its manifest: model, figures, arena, front end, where it comes from, its files.

    Below it stands which stage it came to, when and by what. Its model card, a page to open in a browser, is one of the
    files; --json prints the card's facts, too.
    """
    from edge_deployer.cli.releases.answers import print_release
    from edge_deployer.release.opening import open_release, standing_of

    bundle = open_release(workspace, release, public_key)
    print_release(bundle, standing_of(workspace, bundle), as_json=as_json)


@releases.command(epilog="Example: tinyops releases verify old-release/ --public-key release.pub.pem")
def verify(
    release: _Release, workspace: _Workspace = WORKSPACE, public_key: _PublicKey = None, as_json: AsJson = False
) -> None:
    """Verify a release: image, signature, each file against the signed manifest, and the attestation if there is one.

    A bundle's folder is all that is needed, on any machine and years later. Without --public-key the workspace's key
    verifies it. Where the workspace has none, the bundle's own public.pem does: that shows that the bundle is whole,
    and nothing of who signed it. The answer says which key it was; in JSON, `trust` is given, workspace or own.
    """
    from edge_deployer.cli.releases.answers import print_verified
    from edge_deployer.release.opening import standing_of, verify_release
    from edge_deployer.rollout.attesting import check_attestation, is_contradicted

    found = verify_release(workspace, release, public_key)
    attested = check_attestation(found.bundle, found.public_pem)
    print_verified(found, attested, standing_of(workspace, found.bundle), as_json=as_json)
    if is_contradicted(attested):
        raise typer.Exit(EXIT_ERROR)


@releases.command(epilog="Example: tinyops releases diff 1.0.0+3 1.0.0+2")
def diff(
    release: _Release,
    other: Annotated[
        str | None,
        typer.Argument(
            metavar="[OTHER]",
            help="The release to compare with; without it the one that RELEASE replaced, or else production's.",
        ),
    ] = None,
    workspace: _Workspace = WORKSPACE,
    public_key: _PublicKey = None,
    as_json: AsJson = False,
) -> None:
    """Say what a release changes: data, commit, task and front end, figures, sizes, source files and packages."""
    from edge_deployer.cli.releases.changes import print_difference
    from edge_deployer.release.difference import difference
    from edge_deployer.release.opening import against, open_release

    bundle = open_release(workspace, release, public_key)
    earlier = open_release(workspace, other or against(workspace, bundle), public_key)
    print_difference(difference(bundle, earlier), as_json=as_json)


@releases.command(epilog="Example: tinyops releases gc --keep 10 --dry-run")
def gc(
    keep: Annotated[
        int, typer.Option(min=0, help="How many of the newest stay that are neither in production nor accepted.")
    ] = 5,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")] = False,
    workspace: _Workspace = WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Remove releases that nothing needs.

    What production runs, what staging has accepted, and what either would be taken back to always stay. So does what a
    board had before one of them was promoted. The record of a removed release stays, and its build number is not given
    again. Damaged bundles that were moved aside are left alone.
    """
    from edge_deployer.boards.trail import images_on_boards
    from edge_deployer.cli.releases.changes import print_removed
    from edge_deployer.release.opening import store_of

    removed = store_of(workspace).collect(keep=keep, dry_run=dry_run, pinned=images_on_boards(workspace / "fleet"))
    print_removed(removed, dry_run=dry_run, as_json=as_json)


@releases.command(epilog='Example: tinyops releases revoke 1.0.0+3 --reason "wakes at any noise"')
def revoke(
    release: Annotated[
        str, typer.Argument(metavar="RELEASE", help="A release of the workspace, by version and build or by its id.")
    ],
    reason: Annotated[str, typer.Option(help="Why, for the record and for whoever is refused it.")],
    workspace: _Workspace = WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Revoke a release: from now on it is refused before a board is touched.

    The store's security floor rises above the release, and with it above every release that was built before, good ones
    too: pushing the model of one signs it anew, as another release. Boards keep what they run until the next release is
    confirmed on them. From the start after that on a board refuses what lies below, whoever offers it. Revoking twice
    changes nothing, and nothing undoes it.
    """
    from edge_deployer.cli.releases.changes import print_revocation
    from edge_deployer.release.opening import store_of

    print_revocation(store_of(workspace).revoke(release, reason=reason, by="releases revoke"), as_json=as_json)


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
