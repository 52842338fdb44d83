"""The user's training code: found, checked and fingerprinted without importing it, and so without TensorFlow."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_deployer.errors import TinyopsError
from edge_deployer.files import read_file, reading


@dataclass(frozen=True)
class UserModule:
    """A Python file with `run_fn(fn_args)` for Trainer; `preprocessing_fn(inputs)`, for Transform, in it or beside."""

    path: Path  # The file with `run_fn`.
    preprocessing: Path  # The file with `preprocessing_fn`, the same or another in its folder.
    sources: tuple[Path, ...]  # Both and every module beside them that they import, directly or not, sorted.
    preprocessing_sources: tuple[Path, ...]  # Those of `preprocessing` alone.
    sha256: str  # Hex digest of the names and contents of `sources`: what makes TFX's cache see an edit.
    preprocessing_sha256: str  # That of `preprocessing_sources`.

    @property
    def name(self) -> str:
        """Import name."""
        return self.path.stem

    @property
    def preprocessing_name(self) -> str:
        """Import name of the module with `preprocessing_fn`."""
        return self.preprocessing.stem

    @property
    def folder(self) -> Path:
        """What must be on the import path."""
        return self.path.parent

    @property
    def tests(self) -> tuple[Path, ...]:
        """Python files beside the module whose names begin with ``test_``, sorted."""
        return tuple(sorted(self.folder.glob("test_*.py")))

    @classmethod
    def load(cls, path: Path, preprocessing: Path | None = None) -> UserModule:
        """Check a module.

        Args:
            path: the file with `run_fn`.
            preprocessing: the file with `preprocessing_fn`; None for the same.

        Raises:
            TinyopsError: a file is missing, does not parse, lacks its entry point, has the name of an installed module,
                or imports a package beside it or what is not installed; or the two are in different folders.
        """
        preprocessing = preprocessing or path
        _require_python_file("train.module", path)
        _require_python_file("train.preprocessing", preprocessing)
        if preprocessing.resolve().parent != path.resolve().parent:
            raise TinyopsError(
                f"train.preprocessing {preprocessing} is in another folder than train.module {path}",
                remedy="put both into one folder, which is what goes on the import path",
            )
        training_trees, preprocessing_trees = _local_closure(path), _local_closure(preprocessing)
        _require_entry_point(path, training_trees[path], "run_fn")
        _require_entry_point(preprocessing, preprocessing_trees[preprocessing], "preprocessing_fn")
        trees = {**training_trees, **preprocessing_trees}
        _require_own_names(trees)
        _require_imports(trees)
        sources, preprocessing_sources = tuple(sorted(trees)), tuple(sorted(preprocessing_trees))
        return cls(
            path, preprocessing, sources, preprocessing_sources, _digest(sources), _digest(preprocessing_sources)
        )


def _require_python_file(field: str, path: Path) -> None:
    with reading(f"{field} {path}"):
        is_there = path.is_file()
    if not is_there or path.suffix != ".py" or not path.stem.isidentifier():
        raise TinyopsError(f"{field} {path} is not a Python file", remedy=f"correct the path in {field}")


def _local_closure(path: Path) -> dict[Path, ast.Module]:
    """Syntax trees of the file and of the modules in its folder that it imports."""
    trees: dict[Path, ast.Module] = {}
    pending = [path]
    while pending:
        current = pending.pop()
        if current not in trees:
            trees[current] = _parse(current)
            local = (path.parent / f"{name}.py" for name in _imported(trees[current]))
            pending.extend(file for file in local if file.is_file())
    return trees


def _parse(path: Path) -> ast.Module:
    source = read_file(path, f"module {path}")
    try:
        return ast.parse(source, filename=str(path))
    # RecursionError, MemoryError: what is nested too deep for Python's parser.
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        where = f"{path}:{line}" if line else str(path)
        raise TinyopsError(
            f"{where}: {error.args[0] if error.args else 'too complex to parse'}", remedy="correct the module's syntax"
        ) from error


def _imported(tree: ast.Module) -> Iterator[str]:
    """Top-level names of absolute imports anywhere in the module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _require_entry_point(path: Path, tree: ast.Module, name: str) -> None:
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            defined |= {alias.asname or alias.name for alias in node.names}
    if name not in defined:
        raise TinyopsError(f"{path} defines no function {name!r}", remedy=f"define {name} in the module")


def _require_imports(trees: dict[Path, ast.Module]) -> None:
    local = {path.stem for path in trees}
    for path, tree in trees.items():
        for name in _imported(tree):
            if name in local or _is_installed(name, path.parent):
                continue
            if (path.parent / name).is_dir():
                raise TinyopsError(
                    f"{path} imports {name!r}, a package in the same folder; only modules there are followed",
                    remedy=f"put the code of {path.parent / name} into modules beside {path.name}",
                )
            raise TinyopsError(
                f"{path} imports {name!r}, which is neither installed nor in the same folder",
                remedy=f"install {name}, or put it beside the module",
            )


def _require_own_names(trees: dict[Path, ast.Module]) -> None:
    """The user's folder comes last on the import path, so that an installed module would be taken instead."""
    for path in sorted(trees):
        name = path.stem
        # A folder without an `__init__.py` yields to a module of its name wherever that lies.
        if _is_installed(name, path.parent) and not _is_namespace(name):
            raise TinyopsError(
                f"{path} has the name of the installed module {name!r}, which would be imported instead",
                remedy="rename the file, and the imports of it",
            )


def _is_installed(name: str, folder: Path) -> bool:
    """Whether Python finds the module elsewhere than in the user's folder, which may be on the import path here."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        return False
    places = spec.submodule_search_locations or ([spec.origin] if spec.has_location and spec.origin else [])
    # A module that is part of the interpreter lies nowhere.
    return not places or any(Path(place).resolve().parent != folder.resolve() for place in places)


def _is_namespace(name: str) -> bool:
    spec = importlib.util.find_spec(name)
    return spec is not None and spec.origin is None


def _digest(sources: tuple[Path, ...]) -> str:
    digest = hashlib.sha256()
    for source in sources:
        contents = read_file(source, f"module {source}")
        digest.update(f"{source.name} {len(contents)}\n".encode() + contents)
    return digest.hexdigest()
