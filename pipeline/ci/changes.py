"""Finds out what changed: in the repository, and in the data that a config names."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.metadata import version
from pathlib import Path

from edge_deployer.errors import TinyopsError
from edge_deployer.release.labelled_data import file_sha256
from pipeline.ci.decision import Change
from pipeline.ci.state import Revision, State
from pipeline.config import BUILTIN_DIGITS, DataSection
from pipeline.registration.repository import Repository, listed


@dataclass(frozen=True)
class Findings:
    """What is there, and what of it is new.

    Attributes:
        revision: what is checked out, and the data beside it.
        changes: for `decide`.
        reasons: in words, one for each change; or why there is none to name.
    """

    revision: Revision
    changes: frozenset[Change]
    reasons: tuple[str, ...]


def find_changes(
    repository: Repository,
    data: DataSection,
    documentation: Collection[str],
    state: State,
    *,
    since: str | None,
    scheduled: bool,
) -> Findings:
    """Compare the working tree and the data with the last finished revision.

    Args:
        repository: of the project.
        data: the config's section.
        documentation: patterns of files that are documentation.
        state: of last time.
        since: a commit to compare with in place of the state's.
        scheduled: whether the clock is a reason of its own.

    Raises:
        TinyopsError: `since` is not a commit of this clone.
    """
    revision = Revision(commit=repository.commit, data=fingerprint(data))
    found = _in_repository(repository, data, documentation, state, since)
    found.update(_in_data(data, revision, state, since))
    if scheduled:
        found[Change.SCHEDULE] = "the schedule asks for a run"
    return Findings(revision, frozenset(found), tuple(found[change] for change in Change if change in found))


def fingerprint(data: DataSection) -> str | None:
    """SHA-256 of the data file; of data that comes with scikit-learn, scikit-learn's version.

    Returns:
        None if the file is not on this machine: steps may find it in a bucket or on a volume.
    """
    if data.source == BUILTIN_DIGITS:
        return f"{BUILTIN_DIGITS} of scikit-learn {version('scikit-learn')}"
    return file_sha256(Path(data.source)) if Path(data.source).is_file() else None


def _in_repository(
    repository: Repository, data: DataSection, documentation: Collection[str], state: State, since: str | None
) -> dict[Change, str]:
    commit = since or (state.finished.commit if state.finished else None)
    if commit is None:
        return {Change.CODE: "nothing is known of an earlier time: all counts as changed"}
    if not repository.has_commit(commit):
        return {Change.CODE: _not_in_clone(commit, given=since is not None)}
    kinds = _by_kind(repository, data, documentation, repository.changed_since(commit))
    return {kind: f"{kind.value} changed since {commit[:12]}: {listed(files)}" for kind, files in kinds.items()}


def _not_in_clone(commit: str, *, given: bool) -> str:
    if given:
        raise TinyopsError(
            f"--since {commit} is not a commit of this clone", remedy="fetch it; a shallow clone has only the last ones"
        )
    return f"commit {commit[:12]} of last time is not in this clone: all counts as changed"


def _by_kind(
    repository: Repository, data: DataSection, documentation: Collection[str], files: Iterable[str]
) -> dict[Change, list[str]]:
    source = Path(data.source).resolve()
    kinds: dict[Change, list[str]] = {}
    for file in files:
        if (repository.top / file).resolve() == source:
            kind = Change.DATA
        elif any(fnmatchcase(file, pattern) for pattern in documentation):
            kind = Change.DOCUMENTATION
        else:
            kind = Change.CODE
        kinds.setdefault(kind, []).append(file)
    return kinds


def _in_data(data: DataSection, revision: Revision, state: State, since: str | None) -> dict[Change, str]:
    if state.finished is None:
        # Beside --since, code and data of an earlier time are two questions, and only one of them has an answer.
        return {} if since or revision.data is None else {Change.DATA: f"data was not seen before: {data.source}"}
    if revision.data in (None, state.finished.data):
        return {}
    return {Change.DATA: f"data changed: {data.source}"}
