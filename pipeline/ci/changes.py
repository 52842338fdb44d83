"""Finds out what changed: in the repository, and in the data that a config names."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Final

from components.sensor_example_gen.sources.section import BUILTIN_DIGITS
from components.sensor_example_gen.sources.source import source_class
from edge_deployer.errors import TinyopsError
from edge_deployer.release.labelled_data import file_sha256
from pipeline.ci.decision import Change
from pipeline.ci.state import Revision, State
from pipeline.project.config import PipelineConfig
from pipeline.project.heavy_imports import heavy_imports
from pipeline.registration.repository import Repository, listed

_URI: Final = "://"


@dataclass(frozen=True)
class Findings:
    """What is there, and what of it is new."""

    revision: Revision  # What is checked out, and the data beside it.
    changes: frozenset[Change]  # For `decide`.
    reasons: tuple[str, ...]  # In words, one for each change; or why there is none to name.


def find_changes(
    repository: Repository,
    config: PipelineConfig,
    state: State,
    *,
    since: str | None,
    scheduled: bool,
) -> Findings:
    """Compare the working tree and the data with the last finished revision.

    Args:
        repository: of the project.
        config: of the project.
        state: of last time.
        since: a commit to compare with in place of the state's.
        scheduled: whether the clock is a reason of its own.

    Raises:
        TinyopsError: `since` is not a commit of this clone.
    """
    revision = Revision(commit=repository.commit, data=fingerprint(config))
    found = _in_repository(repository, config, state, since)
    found.update(_in_data(config, revision, state, since))
    if scheduled:
        found[Change.SCHEDULE] = "the schedule asks for a run"
    return Findings(revision, frozenset(found), tuple(found[change] for change in Change if change in found))


def code_changed_since(commit: str, repository: Repository, config: PipelineConfig) -> bool:
    """Whether code differs between a commit and the working tree; so too if the commit is not in this clone."""
    return not repository.has_commit(commit) or Change.CODE in _by_kind(repository, config, commit)


def fingerprint(config: PipelineConfig) -> str | None:
    """SHA-256 of the data that a run reads; of data that comes with scikit-learn, scikit-learn's version.

    Of a folder on this machine it is that of names and contents; of one in a store, of names and the store's own marks.

    Returns:
        None if the data cannot be read here: it may lie on a volume, or in a bucket that asks for other keys.
    """
    data_file = _data_file(config)
    if data_file == BUILTIN_DIGITS:
        return f"{BUILTIN_DIGITS} of scikit-learn {version('scikit-learn')}"
    if _URI in data_file:
        return _in_store(config, data_file)
    if config.kubeflow is not None and config.kubeflow.data_file is not None:
        return None
    path = Path(data_file)
    if path.is_dir():
        return _of_folder(path)
    return file_sha256(path) if path.is_file() else None


def _of_folder(folder: Path) -> str:
    """SHA-256 over the files' names and contents: in a fresh clone all are new, and may be the same."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    digest = sha256()
    for path in files:
        digest.update(f"{path.relative_to(folder).as_posix()}\0{file_sha256(path)}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _data_file(config: PipelineConfig) -> str:
    """What a run reads; a path is one of a step's where `kubeflow.data_file` gives it."""
    elsewhere = config.kubeflow.data_file if config.kubeflow else None
    return elsewhere or str(config.data.source)


def _in_store(config: PipelineConfig, uri: str) -> str | None:
    """As the source tells its data apart: of a folder no recording is read."""
    try:
        with heavy_imports():
            return source_class(config.data.kind)(config.data, uri).fingerprint()
    except TinyopsError:
        return None


def _in_repository(
    repository: Repository, config: PipelineConfig, state: State, since: str | None
) -> dict[Change, str]:
    commit = since or (state.finished.commit if state.finished else None)
    if commit is None:
        return {Change.CODE: "nothing is known of an earlier time: all counts as changed"}
    if not repository.has_commit(commit):
        return {Change.CODE: _not_in_clone(commit, given=since is not None)}
    kinds = _by_kind(repository, config, commit)
    return {kind: f"{kind.value} changed since {commit[:12]}: {listed(files)}" for kind, files in kinds.items()}


def _not_in_clone(commit: str, *, given: bool) -> str:
    if given:
        raise TinyopsError(
            f"--since {commit} is not a commit of this clone", remedy="fetch it; a shallow clone has only the last ones"
        )
    return f"commit {commit[:12]} of last time is not in this clone: all counts as changed"


def _by_kind(repository: Repository, config: PipelineConfig, commit: str) -> dict[Change, list[str]]:
    """The files that changed since a commit, by what they are."""
    source = Path(config.data.source).resolve()
    kinds: dict[Change, list[str]] = {}
    for file in repository.changed_since(commit):
        if (repository.top / file).resolve().is_relative_to(source):
            kind = Change.DATA
        elif any(fnmatchcase(file, pattern) for pattern in config.ci.documentation):
            kind = Change.DOCUMENTATION
        else:
            kind = Change.CODE
        kinds.setdefault(kind, []).append(file)
    return kinds


def _in_data(config: PipelineConfig, revision: Revision, state: State, since: str | None) -> dict[Change, str]:
    data_file = _data_file(config)
    if state.finished is None:
        # Beside --since, code and data of an earlier time are two questions, and only one of them has an answer.
        return {} if since or revision.data is None else {Change.DATA: f"data was not seen before: {data_file}"}
    # Data that could not be read last time was not seen to change.
    if revision.data == state.finished.data or None in (revision.data, state.finished.data):
        return {}
    return {Change.DATA: f"data changed: {data_file}"}
