"""What rests on ML Metadata: how an artifact's name, type and metadata look once they went through it.

Kubeflow Pipelines up to 2.17 keeps each output in ML Metadata, and its driver tells the next steps what comes back
(backend/src/v2/metadata of kubeflow/pipelines, lines at 2.17.0):

- the name is the artifact's number there (converter.go:181 `toRuntimeArtifact`), the type empty (client.go:257,1144);
- `display_name` and `store_session_info` are there besides what the step wrote (client.go:1234,1243 `RecordArtifact`);
- every number is a double, a boolean is 1 or 0, a list is ``{"list": [...]}``, an object ``{"struct": {...}}``, and a
  null is refused (converter.go:138 `StructValueToMLMDValue`).

Without ML Metadata (kubeflow/pipelines#13986, in no release yet) steps are told what was written, as it was written;
the name is that of the output, which other artifacts may have too (driver/container.go:750 on its branch).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from edge_deployer.errors import TinyopsError

_DISPLAY_NAME: Final = "display_name"
_STORE: Final = "store_session_info"
_WRAPPERS: Final = ("list", "struct")


def storable(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What a step may write as an artifact's metadata: without nulls."""
    return {name: value for name, value in metadata.items() if value is not None}


def as_written(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What the producing step wrote, of what a step is told, whether it went through ML Metadata or not."""
    if _STORE not in metadata:
        return dict(metadata)
    return {name: _unwrapped(value) for name, value in metadata.items() if name not in (_DISPLAY_NAME, _STORE)}


def identity(name: str, uri: str) -> str:
    """What tells an artifact from all others: its number in ML Metadata, or else its URI."""
    return name if name.isdecimal() else uri


def recorded(key: str, uri: str, metadata: Mapping[str, Any], number: int, store: Mapping[str, Any]) -> dict[str, Any]:
    """An artifact as its consumers are told of it, after ML Metadata has had it.

    Args:
        key: name of the output.
        uri: where it lies.
        metadata: what the step wrote.
        number: in ML Metadata.
        store: the SessionInfo of the object store (backend/src/v2/objectstore/config.go).

    Returns:
        kfp.pipeline_spec.RuntimeArtifact.

    Raises:
        TinyopsError: a value is null.
    """
    kept = {name: _kept(f"{key}.{name}", value) for name, value in metadata.items()}
    return {
        "name": str(number),
        "type": {"instanceSchema": ""},
        "uri": uri,
        "metadata": {_DISPLAY_NAME: key, _STORE: json.dumps(store, separators=(",", ":")), **kept},
    }


def _unwrapped(value: Any) -> Any:
    if isinstance(value, dict) and len(value) == 1:
        ((wrapper, contents),) = value.items()
        if wrapper in _WRAPPERS:
            return contents
    return value


def _kept(name: str, value: Any) -> Any:
    if value is None:
        raise TinyopsError(f"metadata {name} is null, which ML Metadata does not store", remedy="leave the value out")
    if isinstance(value, list):
        return {"list": value}
    if isinstance(value, dict):
        return {"struct": value}
    return value if isinstance(value, str) else float(value)
