"""What git says about the folder that a pipeline comes from."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from components.git import run_git
from edge_deployer.errors import TinyopsError

_NAMED = 3
"""Files that a message names."""

_REMEDY = "{}, or name the version with `tinyops register --version`"


@dataclass(frozen=True)
class Repository:
    """A git repository with at least one commit."""

    top: Path  # Its uppermost folder.
    commit: str  # The checked-out commit, 40 hex digits.

    @classmethod
    def around(cls, folder: Path) -> Repository:
        """The repository that a folder belongs to.

        Raises:
            TinyopsError: git is not installed or refuses, the folder is in no repository, or nothing is committed.
        """
        top = _git(folder, "rev-parse", "--show-toplevel").rstrip("\n")
        commit = _git(folder, "rev-parse", "--verify", "HEAD^{commit}").strip()
        return cls(Path(top), commit)

    def uncommitted(self) -> list[str]:
        """Tracked files that differ from the commit, relative to the top.

        As in `git describe --dirty`, what git does not track does not count: a build leaves files behind.
        """
        return _names(_git(self.top, "diff", "--name-only", "--no-renames", "-z", "HEAD"))

    def has_commit(self, name: str) -> bool:
        """Whether a commit is in this clone; a shallow one has few."""
        return _run(self.top, "cat-file", "-e", f"{name}^{{commit}}").returncode == 0

    def changed_since(self, commit: str) -> list[str]:
        """Tracked files that differ between a commit of this clone and the working tree, relative to the top."""
        return _names(_git(self.top, "diff", "--name-only", "--no-renames", "-z", f"{commit}^{{commit}}"))

    def untracked(self, files: Iterable[Path]) -> list[str]:
        """Those of the files in this clone that git does not track, ignored ones too, relative to the top."""
        paths = [str(file.resolve()) for file in files]
        return _names(_git(self.top, "ls-files", "--others", "-z", "--", *paths))

    def require_tracked(self, files: Iterable[Path]) -> None:
        """Make sure that the commit has files.

        Raises:
            TinyopsError: git does not track one of them.
        """
        if untracked := self.untracked(files):
            raise TinyopsError(
                f"{listed(untracked)} of {self.top} is not in git, so its commit {self.commit[:12]} does not say what "
                "would be registered",
                remedy=_REMEDY.format("add and commit it"),
            )

    def require_committed(self) -> None:
        """Make sure that the commit says what is registered.

        Raises:
            TinyopsError: tracked files have changes.
        """
        changed = self.uncommitted()
        if changed:
            raise TinyopsError(
                f"{self.top} has changes that are not committed ({listed(changed)}), so its commit {self.commit[:12]} "
                "does not say what would be registered",
                remedy=_REMEDY.format("commit them"),
            )


def listed(files: list[str]) -> str:
    """The first few files in words."""
    more = len(files) - _NAMED
    return ", ".join(files[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _git(folder: Path, *arguments: str) -> str:
    result = _run(folder, *arguments)
    if result.returncode != 0:
        said = result.stderr.strip().splitlines()
        raise TinyopsError(
            f"git says nothing about the version of {folder}: {said[0] if said else 'it failed'}",
            remedy=_REMEDY.format("work in a git repository with a commit"),
        )
    return result.stdout


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return run_git(folder, *arguments)
    except FileNotFoundError as error:
        raise TinyopsError("git is not installed", remedy=_REMEDY.format("install it")) from error


def _names(output: str) -> list[str]:
    return [name for name in output.split("\0") if name]
