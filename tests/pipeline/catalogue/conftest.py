"""The components' interfaces, and their files in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.catalogue.export import export
from pipeline.catalogue.interface import Interface, interface
from pipeline.catalogue.names import COMPONENTS

IMAGE = "registry.example.com/tinyops/pipeline:1.0.0"


@pytest.fixture(scope="session")
def interfaces() -> dict[str, Interface]:
    return {name: interface(name) for name in COMPONENTS}


@pytest.fixture(scope="session")
def exported(interfaces: dict[str, Interface], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    export(interfaces.values(), folder, IMAGE)
    return folder
