"""The front end of a release: what makes features of raw samples, with golden vectors that firmware is held against.

Two files, in an artifact of the pipeline as in a bundle. Where the host computes the features there is only the first.

====================  =============================================================
`FACTS_FILE`          name, version, whether boards compute it, parameters, as JSON
`GOLDEN_FILE`         arrays `raw` and `features`, a row a sample
====================  =============================================================
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from edge_deployer.array_files import opened_npz
from edge_deployer.errors import TinyopsError
from edge_deployer.files import checking, exists, read_file, write_file
from edge_deployer.tensors import Array

FACTS_FILE: Final = "front_end.json"
GOLDEN_FILE: Final = "front_end_golden.npz"
FILES: Final = (FACTS_FILE, GOLDEN_FILE)

_ARRAYS: Final = ["raw", "features"]
_RAW_DTYPES: Final = ("int8", "uint8", "int16", "uint16", "int32")
_REMEDY: Final = "build the release again"


class FrontEndFacts(BaseModel):
    """Which front end, and all that firmware must know of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    version: str = Field(min_length=1, description="changes when the same sample would get other features")
    on_board: bool = Field(description="whether C repeats it bit for bit; if not, the host computes the features")
    parameters: dict[str, JsonValue] = Field(default={}, description="by the names that the front end gives them")

    @field_validator("parameters")
    @classmethod
    def _finite(cls, parameters: dict[str, JsonValue]) -> dict[str, JsonValue]:
        """JSON has neither NaN nor infinity."""
        json.dumps(parameters, allow_nan=False)
        return parameters


@dataclass(frozen=True)
class GoldenVectors:
    """Raw samples with their features; ten are plenty."""

    raw: Array  # int8, uint8, int16, uint16 or int32, shape ``(n, ...)``: as the sensor gives them to the board.
    features: Array  # int8, shape ``(n, ...)``.

    def to_bytes(self) -> bytes:
        """The bytes of an ``.npz`` file; the same vectors always give the same bytes."""
        buffer = io.BytesIO()
        np.savez(buffer, raw=np.ascontiguousarray(self.raw), features=np.ascontiguousarray(self.features))
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> GoldenVectors:
        """Inverse of `to_bytes`.

        Raises:
            TinyopsError: the bytes are no such file.
        """
        with opened_npz(io.BytesIO(data), GOLDEN_FILE, remedy=_REMEDY) as archive:
            return cls(**archive.read(_ARRAYS))


@dataclass(frozen=True)
class FrontEndRecord:
    """A front end with its golden vectors, which there are where boards compute it, and only there.

    Raises:
        TinyopsError: golden vectors are missing or too many, or not of the types above.
    """

    facts: FrontEndFacts
    golden: GoldenVectors | None = None

    def __post_init__(self) -> None:
        problem = _problem(self.facts, self.golden)
        if problem is not None:
            raise TinyopsError(f"front end {self.facts.name} {self.facts.version}: {problem}", remedy=_REMEDY)

    def parts(self) -> dict[str, bytes]:
        """Its files by name; the same record always gives the same bytes."""
        facts = {FACTS_FILE: f"{self.facts.model_dump_json(indent=2)}\n".encode()}
        return facts if self.golden is None else facts | {GOLDEN_FILE: self.golden.to_bytes()}

    @classmethod
    def from_parts(cls, parts: Mapping[str, bytes]) -> FrontEndRecord:
        """Inverse of `parts`; other files are passed over.

        Raises:
            TinyopsError: a file is missing or damaged.
        """
        with checking(FACTS_FILE, remedy=_REMEDY):
            facts = FrontEndFacts.model_validate_json(parts.get(FACTS_FILE, b""))
        golden = parts.get(GOLDEN_FILE)
        return cls(facts, None if golden is None else GoldenVectors.from_bytes(golden))

    def write(self, folder: Path) -> None:
        """Write the files into `folder`, which must exist."""
        for name, data in self.parts().items():
            write_file(folder / name, data)

    @classmethod
    def read(cls, folder: Path) -> FrontEndRecord | None:
        """What `write` wrote into a folder; None where nothing is said of a front end.

        Raises:
            TinyopsError: a file is missing, damaged, or cannot be read.
        """
        paths = {name: folder / name for name in FILES}
        parts = {
            name: read_file(path, f"front end {path}", remedy=_REMEDY)
            for name, path in paths.items()
            if exists(path, f"front end {path}")
        }
        return cls.from_parts(parts) if parts else None


def _problem(facts: FrontEndFacts, golden: GoldenVectors | None) -> str | None:
    """Why golden vectors are not this front end's."""
    if golden is None:
        return "it has no golden vectors, and boards compute it" if facts.on_board else None
    if not facts.on_board:
        return "it has golden vectors, and the host computes it"
    raw, features = golden.raw, golden.features
    if raw.dtype.name not in _RAW_DTYPES:
        return f"raw samples are {_described(raw)}, not {', '.join(_RAW_DTYPES)}"
    if features.dtype != np.int8:
        return f"features are {_described(features)}, not int8"
    if raw.ndim < 2 or features.ndim < 2 or not raw.size or len(raw) != len(features):
        return f"raw samples {_described(raw)} and features {_described(features)} are not a row a sample"
    return None


def _described(array: Any) -> str:
    return f"{array.dtype}{list(array.shape)}"
