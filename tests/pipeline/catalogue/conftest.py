"""The components' interfaces, and their files in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.project.component_names import COMPONENTS

if TYPE_CHECKING:
    from pipeline.catalogue.interface import Interface

IMAGE = "registry.example.com/tinyops/pipeline:1.0.0"


@pytest.fixture(scope="session")
def interfaces() -> dict[str, Interface]:
    from pipeline.catalogue.interface import interface

    return {name: interface(name) for name in COMPONENTS}


@pytest.fixture(scope="session")
def exported(interfaces: dict[str, Interface], tmp_path_factory: pytest.TempPathFactory) -> Path:
    from pipeline.catalogue.export import export

    folder = tmp_path_factory.mktemp("exported")
    export(interfaces.values(), folder, IMAGE)
    return folder
