"""Inventories and board profiles as users write them, of boards quick enough for tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from edge_deployer.profile import load_profile

FAST = {"line_rate": 3_000_000, "flash_bytes_per_second": 100_000_000, "page_erase_ms": 0.001}
"""A line and a flash that nobody waits for."""


def write_profile(folder: Path, name: str, base: str = "cortex-m4", **changes: object) -> Path:
    """<name>.yaml in the folder: a built-in profile under this name, with these fields of its own."""
    path = folder / f"{name}.yaml"
    profile = load_profile(base).model_copy(update={"name": name, **changes})
    path.write_text(yaml.safe_dump(profile.model_dump()))
    return path


def write_inventory(folder: Path, boards: Iterable[Mapping[str, Any]], name: str = "boards.yaml", **more: Any) -> Path:
    """An inventory of these entries, with more fields beside `boards`."""
    path = folder / name
    path.write_text(yaml.safe_dump({"boards": [dict(board) for board in boards], **more}))
    return path


def virtual(name: str, pool: str, profile: str = "fast.yaml", **fields: Any) -> dict[str, Any]:
    """The entry of a virtual board."""
    return {"name": name, "pool": pool, "profile": profile, "virtual": True, **fields}


def write_fast_inventory(folder: Path, staging: Iterable[str] = ("s1",), production: Iterable[str] = ("p1",)) -> Path:
    """boards.yaml and fast.yaml: virtual boards of these names in each pool."""
    write_profile(folder, "fast", **FAST)
    pools = (("staging", staging), ("production", production))
    return write_inventory(folder, [virtual(name, pool) for pool, names in pools for name in names])
