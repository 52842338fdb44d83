"""Writes a proposal as a project: its file, its module, and the module's test."""

from __future__ import annotations

import importlib.util
import keyword
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from edge_deployer.errors import TinyopsError
from edge_deployer.files import make_folder, reading, write_file
from pipeline.init.proposal import Choice, Proposal

_WIDTH: Final = 120
_COMMENT_AT: Final = 26
_INPUTS: Final = {"audio": "sound", "motion": "motion", "images": "picture", "arrays": "samples"}
_TITLES: Final = {
    "audio": "Recordings of sound",
    "motion": "Recordings of motion",
    "images": "Pictures",
    "arrays": "Arrays",
}


def require_new(folder: Path) -> None:
    """See that a project may be written to a folder.

    Raises:
        TinyopsError: there is something already.
    """
    with reading(f"folder {folder}", remedy="give another folder"):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise TinyopsError(
                f"{folder} is there already, and not empty", remedy="name a folder that is not there yet"
            )


def write_project(folder: Path, proposal: Proposal, source: Path | str) -> list[Path]:
    """Write the files.

    Args:
        folder: is made, with those above it.
        proposal: what they say.
        source: `data.source`, a path or a word.

    Returns:
        The files, the project's own first.

    Raises:
        TinyopsError: the folder's name is none for a project, or a file cannot be written.
    """
    name = project_name(folder)
    module = module_name(name)
    context = _context(proposal, name, module, folder, source)
    make_folder(folder)
    written = []
    for template, file in (
        ("tinyops.yaml.j2", "tinyops.yaml"),
        ("module.py.j2", f"{module}.py"),
        ("test_module.py.j2", f"test_{module}.py"),
    ):
        written.append(folder / file)
        write_file(written[-1], _filled(template, context).encode())
    return written


def project_name(folder: Path) -> str:
    """What a project in that folder is called.

    Raises:
        TinyopsError: no name can be made of the folder's.
    """
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", folder.absolute().name).strip("-_")
    if not name or not name[0].isalpha():
        raise TinyopsError(
            f"{folder.name!r} names no project: a letter is wanted first", remedy="give the folder another name"
        )
    return name


def module_name(project: str) -> str:
    """A name that no installed module has."""
    name = project.lower().replace("-", "_")
    is_taken = keyword.iskeyword(name) or importlib.util.find_spec(name) is not None
    return f"{name}_model" if is_taken else name


def source_from(folder: Path, place: Path) -> str:
    """Where data is, from the project's folder: relative, unless nothing but the root is above both."""
    folder, place = folder.resolve(), place.resolve()
    above = os.path.commonpath([folder, place])
    return str(place) if above == os.sep else os.path.relpath(place, folder)


def _context(proposal: Proposal, name: str, module: str, folder: Path, source: Path | str) -> dict[str, Any]:
    said = {choice.field: choice.value for choice in proposal.data}
    where = source if isinstance(source, str) else source_from(folder, source)
    data_input = said.get("input", _INPUTS[proposal.kind])
    head = [
        Choice("kind", proposal.kind),
        Choice("source", where, "what is put here" if isinstance(source, str) else "the data stays where it is"),
        *(() if "input" in said else (Choice("input", data_input, "name of the model's input"),)),
    ]
    train = [
        Choice("module", f"{module}.py", "network, augmentation and training: yours to change"),
        Choice("epochs", proposal.epochs, "at most: training stops when it gets no better"),
        Choice("seed", 0),
        *(
            ()
            if proposal.network == "table"
            else (Choice("fit_board", True, "the network is as wide as board_profile lets it be"),)
        ),
    ]
    shift = max(1, (proposal.shape[0] if proposal.shape else 1) // 12)
    multi = proposal.classes == 0 and proposal.outputs > 1
    return {
        "title": f"{_TITLES[proposal.kind]}: {name}",
        "name": name,
        "module": module,
        "data": _lines([*head, *proposal.data]),
        "gates": _lines(proposal.gates),
        "train": _lines(train),
        "evaluate": _lines(proposal.evaluate),
        "acceptance": _lines(proposal.acceptance),
        "network": proposal.network,
        "input": data_input,
        "truth": said.get("target") or said.get("label", "label"),
        "shape": proposal.shape,
        "classes": proposal.classes,
        "outputs": proposal.outputs,
        "weighs_classes": proposal.weighs_classes,
        "patience": max(5, proposal.epochs // 4),
        "on_host": said.get("features") == "none",
        "shift": shift,
        "config": '{**config, "classes": OUTPUTS}' if multi else "config",
        "answers": f'"classes": {proposal.classes}' if proposal.classes else '"target": "target"',
    }


def _lines(choices: Sequence[Choice]) -> str:
    return "\n".join(line for choice in choices for line in _commented(choice))


def _commented(choice: Choice) -> list[str]:
    """A field, with its comment beside it, or above it where the line would be long."""
    line = f"  {choice.field}: {_yaml(choice.value)}"
    if not choice.why:
        return [line]
    beside = f"{line.ljust(_COMMENT_AT - 2)}  # {choice.why}"
    return [beside] if len(beside) <= _WIDTH else [f"  # {choice.why}", line]


def _yaml(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=float("inf"), sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


def _filled(template: str, context: dict[str, Any]) -> str:
    environment = Environment(
        loader=PackageLoader("pipeline.init", "files"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    return environment.get_template(template).render(context)
