"""`tinyops components`: the pipeline's components, one by one, for other teams' pipelines on Kubeflow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from edge_deployer.cli.output import print_json

if TYPE_CHECKING:
    from pipeline.catalogue.interface import Interface

components = typer.Typer(name="components", no_args_is_help=True, add_completion=False, rich_markup_mode=None)

_Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text, and no progress.")]


@components.callback()
def about() -> None:
    """Give the pipeline's components to other teams.

    Each is a file that kfp.components.load_component_from_file takes into any pipeline for Kubeflow Pipelines 2, with
    inputs, outputs, parameters and what each of them is. No config, cluster or data is needed.

    Exit status: 0 done, 1 an error, 2 wrong usage.
    """


@components.command("list", epilog="Example: tinyops components list")
def list_components(as_json: _Json = False) -> None:
    """Say what each component does, in the order of the pipeline."""
    from pipeline.project.component_names import COMPONENTS

    interfaces = _interfaces(COMPONENTS, quiet=as_json)
    if as_json:
        print_json([{"name": one.name, "summary": one.summary} for one in interfaces])
        return
    from pipeline.catalogue.view import list_text

    typer.echo(list_text(interfaces))


@components.command(epilog="Example: tinyops components show TFLMEvaluator")
def show(
    name: Annotated[str, typer.Argument(help="The component, as `tinyops components list` names it.")],
    as_json: _Json = False,
) -> None:
    """Show what a component does, what it takes and what it makes."""
    (component,) = _interfaces([name], quiet=as_json)
    if as_json:
        print_json({**asdict(component), "summary": component.summary})
        return
    from pipeline.catalogue.view import component_text

    typer.echo(component_text(component))


@components.command(
    epilog="Example: tinyops components export Trainer -o exported --image registry.example.com/tinyops/pipeline:1.0.0"
)
def export(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Folder for the files, one NAME.yaml per component.", show_default=False),
    ],
    image: Annotated[
        str, typer.Option(help="The pipeline image, REGISTRY/NAME:TAG, in which steps run.", show_default=False)
    ],
    names: Annotated[
        Optional[list[str]],  # noqa: UP045 - typer reads the annotation at run time, on Python 3.10
        typer.Argument(metavar="[NAME]...", help="Components; all of them if none is named.", show_default=False),
    ] = None,
    as_json: _Json = False,
) -> None:
    """Write components as files that kfp loads. The same components and image give the same bytes."""
    from pipeline.catalogue.image import require_image
    from pipeline.project.component_names import COMPONENTS

    require_image(image)
    interfaces = _interfaces(names or COMPONENTS, quiet=as_json)
    from pipeline.catalogue.export import export as write

    files = {name: str(file) for name, file in write(interfaces, output, image).items()}
    if as_json:
        print_json(files)
    else:
        typer.echo("\n".join(files.values()))


@components.command(epilog="Example: tinyops components catalogue > docs/components.md")
def catalogue() -> None:
    """Print all of it as a page in Markdown."""
    from pipeline.project.component_names import COMPONENTS

    interfaces = _interfaces(COMPONENTS, quiet=False)
    from pipeline.catalogue.page import catalogue_page

    typer.echo(catalogue_page(interfaces), nl=False)


def _interfaces(names: Iterable[str], *, quiet: bool) -> list[Interface]:
    """Interfaces by name. Imports TFX, which takes seconds, once the names are known to be right."""
    from rich.console import Console

    from pipeline.project import quiet_libraries
    from pipeline.project.component_names import require_known
    from pipeline.project.heavy_imports import heavy_imports

    require_known(names)
    quiet_libraries.hush()
    with Console(stderr=True, quiet=quiet).status("loading TFX"), heavy_imports():
        from pipeline.catalogue.interface import interface

        return [interface(name) for name in names]
