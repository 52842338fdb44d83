"""A release as C sources for firmware with TFLM: what is in them, and the folder that they are written to."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import BaseModel, ConfigDict

from edge_deployer import log_mel
from edge_deployer.errors import TinyopsError
from edge_deployer.export import c_text
from edge_deployer.export.arena import Arena
from edge_deployer.export.front_end import front_end_in_c, log_mel_tables
from edge_deployer.export.golden import golden_sample
from edge_deployer.files import exists, make_folder, read_record, reading, write_file
from edge_deployer.release.bundle import Bundle
from edge_deployer.tensors import TensorSpec
from edge_deployer.tflm import list_operators
from edge_deployer.tflm.resolver import resolver_method

EXPORT_FILE: Final = "export.json"
"""In a folder that was exported to: the record of that."""

_FILES: Final = ("model.h", "model.c", "model_resolver.h", "golden.h", "golden.c", "README.md")
_TAKEN: Final = ("FRONT_END_VERSION", "FRONT_END_ON_BOARD")
_REMEDY: Final = "give a folder that is new or empty"


class Export(BaseModel):
    """Contents of `EXPORT_FILE`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["c"] = "c"
    release_id: str
    image_hash: str
    model_sha256: str
    files: dict[str, str]  # SHA-256 of each, by name.


@dataclass(frozen=True)
class OperatorUse:
    """An operator of a model."""

    name: str  # As `Operator.name` has it.
    method: str  # Of TFLM's resolver.
    custom: bool
    count: int


def export_c(bundle: Bundle, arena: Arena, folder: Path) -> Export:
    """Write a release's C sources into a folder, which is made if need be; an earlier export there is replaced.

    Raises:
        TinyopsError: something else is in the folder, it cannot be written, nobody knows the arena, or the model or the
            front end has what C or TFLM's resolver has no name for.
    """
    files = {name: text.encode() for name, text in _render(bundle, arena).items()} | dict(bundle.card)
    record = Export(
        release_id=bundle.release_id,
        image_hash=bundle.image.hash.hex(),
        model_sha256=bundle.manifest.model_sha256,
        files={name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    )
    _require_room(folder)
    make_folder(folder)
    # The record first: what is interrupted after it can be exported again.
    files = {EXPORT_FILE: f"{record.model_dump_json(indent=2)}\n".encode()} | files
    for name, data in files.items():
        write_file(folder / name, data, remedy=_REMEDY)
    return record


def operator_uses(model: bytes) -> list[OperatorUse]:
    """The operators of a model, each once, by name.

    Raises:
        ModelRefused: the bytes are not a TFLite model.
        TinyopsError: TFLM's resolver has no method for one.
    """
    counts = Counter((operator.name, operator.custom) for operator in list_operators(model))
    return [OperatorUse(name, _method(name), custom, count) for (name, custom), count in sorted(counts.items())]


def _method(operator: str) -> str:
    method = resolver_method(operator)
    if method is None:
        raise TinyopsError(
            f"TFLM's MicroMutableOpResolver has no method for the operator {operator!r}",
            remedy="release a model without it, or add it in the firmware by hand with AddCustom",
        )
    return method


def _require_room(folder: Path) -> None:
    """See that nothing but an earlier export is in the folder."""
    record = folder / EXPORT_FILE
    with reading(f"folder {folder}", remedy=_REMEDY):
        is_empty = not folder.exists() or not any(folder.iterdir())
    if is_empty:
        return
    if not exists(record, str(record)):
        raise TinyopsError(f"folder {folder} is not empty, and no release was exported to it before", remedy=_REMEDY)
    read_record(Export, record, f"record of an export {record}", remedy=_REMEDY)


def _render(bundle: Bundle, arena: Arena) -> dict[str, str]:
    """The text of each file, by name: a function of the release and its arena alone."""
    acceptance, front_end = bundle.acceptance, bundle.front_end
    manifest, model = bundle.manifest, bundle.image.payload
    golden = golden_sample(acceptance, front_end.golden if front_end else None)
    # As the front end gives them: the manifest's encoding has an order of its own.
    parameters = front_end.facts.parameters if front_end else {}
    in_c = front_end_in_c(manifest.front_end)
    facts: Mapping[str, object] = {
        "arena": arena,
        "card": bool(bundle.card),
        "class_names": acceptance.class_names,
        "front_end": manifest.front_end,
        "golden": golden,
        "in_c": in_c,
        "macros": c_text.macros("FRONT_END", parameters, taken=_TAKEN),
        "manifest": manifest,
        "model": model,
        "operators": operator_uses(model),
        "release_id": bundle.release_id,
        "tables": log_mel_tables(manifest.front_end) if manifest.front_end and in_c == log_mel.NAME else None,
        "task": acceptance.task,
        "tensors": {"input": acceptance.input, "output": acceptance.output},
    }
    environment = _environment()
    return {name: environment.get_template(template).render(facts) for name, template in _templates(in_c).items()}


def _templates(in_c: str | None) -> dict[str, str]:
    """Of each file, by its name."""
    templates = {name: f"{name}.j2" for name in _FILES}
    if in_c is not None:
        templates |= {"front_end.h": f"{in_c}.h.j2", "front_end.c": f"{in_c}.c.j2"}
    return templates


def _environment() -> Environment:
    # No HTML: C and Markdown. What users name goes through `comment` or `string`.
    environment = Environment(
        loader=PackageLoader("edge_deployer.export"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        byte_lines=c_text.byte_lines,
        comment=c_text.comment,
        dimensions=c_text.dimensions,
        float32=c_text.float32,
        integer_lines=c_text.integer_lines,
        number=c_text.number,
        string=c_text.string,
        tflm_type=_tflm_type,
    )
    return environment


def _tflm_type(spec: TensorSpec) -> str:
    """TFLM's name of a tensor's type, e.g. ``kTfLiteInt8``."""
    return f"kTfLite{spec.dtype.capitalize().replace('Ui', 'UI')}"
