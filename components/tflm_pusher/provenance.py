"""Which code made a model, as git knows it."""

from __future__ import annotations

from pathlib import Path

from components.git import run_git
from edge_deployer.release.manifest import Provenance


def describe(folder: Path, *, run_id: str | None, data_fingerprint: str | None) -> Provenance:
    """Provenance of a model whose source is in `folder`; without git, or outside a repository, no commit is known."""
    commit = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--", ".")
    return Provenance(
        run_id=run_id,
        git_commit=commit or None,
        git_dirty=None if changes is None or not commit else bool(changes),
        data_fingerprint=data_fingerprint,
    )


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = run_git(folder, *arguments)
    except OSError:
        return None
    return None if done.returncode else done.stdout.strip()
