"""The user's module in a step's container: where it is, and whether it is the one that was compiled."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from edge_deployer.errors import TinyopsError
from pipeline.project.user_module import UserModule

MODULE_FOLDER: Final = "TINYOPS_MODULE_FOLDER"
"""Environment variable: folder of the user's module, for the end of the import path."""

MODULE: Final = "TINYOPS_MODULE"
"""Environment variable: its file in that folder."""

PREPROCESSING: Final = "TINYOPS_PREPROCESSING"
"""Environment variable: the file with `preprocessing_fn` in that folder, if it is another."""

MODULE_SHA256: Final = "TINYOPS_MODULE_SHA256"
"""Environment variable: `UserModule.sha256` of the module that was compiled."""


def variables(module: UserModule, folder: str) -> dict[str, str]:
    """What a compiled pipeline sets for each step.

    Args:
        module: that was compiled.
        folder: where the image has it.
    """
    own = {} if module.preprocessing == module.path else {PREPROCESSING: module.preprocessing.name}
    return {MODULE_FOLDER: folder, MODULE: module.path.name, **own, MODULE_SHA256: module.sha256}


def add_to_import_path(environment: Mapping[str, str]) -> None:
    """Make the module importable, if the environment names one.

    Raises:
        TinyopsError: it is not there, or not the one that was compiled.
    """
    if MODULE_FOLDER not in environment:
        return
    folder = Path(environment[MODULE_FOLDER])
    if MODULE_SHA256 in environment:
        path = folder / environment[MODULE]
        preprocessing = folder / environment.get(PREPROCESSING, environment[MODULE])
        if (
            not path.is_file()
            or not preprocessing.is_file()
            or UserModule.load(path, preprocessing).sha256 != environment[MODULE_SHA256]
        ):
            raise TinyopsError(
                f"{path}, or a module that it imports, is not what this pipeline was compiled with, or is not there",
                remedy="build the image from the sources that are compiled, under a tag of its own; before a replay, "
                "compile again",
            )
    # Last: nothing beside the user's module may take the place of what is installed.
    sys.path.append(str(folder))
