"""Writes components into a folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from edge_deployer.errors import TinyopsError
from edge_deployer.files import write_file
from pipeline.catalogue.component_file import to_yaml
from pipeline.catalogue.interface import Interface


def export(components: Iterable[Interface], folder: Path, image: str) -> dict[str, Path]:
    """Write a file for each component; returns them by the component's name.

    Args:
        components: what to write.
        folder: made if it is not there.
        image: the pipeline image.

    Raises:
        TinyopsError: the folder or a file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TinyopsError(
            f"folder {folder} cannot be made: {error.strerror}", remedy="give another folder with --output"
        ) from error
    files = {component.name: (folder / f"{component.name}.yaml", to_yaml(component, image)) for component in components}
    for file, text in files.values():
        write_file(file, text.encode())
    return {name: file for name, (file, _) in files.items()}
