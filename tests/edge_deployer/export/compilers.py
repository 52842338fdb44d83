"""C and C++ compilers, as strict as they get."""

from __future__ import annotations

import subprocess
from pathlib import Path

STRICT = ("-Wall", "-Wextra", "-Werror", "-pedantic", "-Wundef", "-Wconversion")


def compile_c(source: Path) -> Path:
    """The object file of C11 sources, which also C++ reads."""
    _run("c++", "-std=c++11", "-x", "c++", *STRICT, "-fsyntax-only", source)
    return _run("cc", "-std=c11", *STRICT, "-c", source, "-o", source.with_suffix(".o"))


def link(program: Path, objects: list[Path], *flags: str | Path) -> Path:
    """A program of C (``.c``) or C++ sources and object files."""
    compiler = ("cc", "-std=c11") if program.suffix == ".c" else ("c++", "-std=c++11")
    return _run(*compiler, *STRICT, *flags, program, *objects, "-o", program.with_suffix(""))


def output(program: Path, *arguments: str | Path) -> bytes:
    """What a program prints; it must end well."""
    return subprocess.run([program, *arguments], capture_output=True, check=True).stdout


def _run(*command: str | Path) -> Path:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Path(command[-1])
