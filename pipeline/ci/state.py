"""What `tinyops ci` remembers from one time to the next."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from edge_deployer.files import exists, make_folder, read_record, write_file


class Revision(BaseModel):
    """What a run is made from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    commit: str  # 40 hex digits.
    data: str | None = None  # Fingerprint of the data; None where the data is not on this machine.


class BuiltImage(BaseModel):
    """An image that the project's commands built."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    revision: Revision


class State(BaseModel):
    """How far the project has come."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    finished: Revision | None = None  # The last revision for which everything was done that had to be.
    run: str | None = None  # The server's id of the run that `finished` ended with, or one before it.
    tested: str | None = None  # The last commit that passed lint and tests.
    image: BuiltImage | None = None  # The last one that was built.


def load_state(path: Path) -> State:
    """Read the state; that of a new project if there is none.

    Raises:
        TinyopsError: the file is something else, or cannot be read.
    """
    what = f"state of `tinyops ci` {path}"
    if not exists(path, what):
        return State()
    return read_record(State, path, what, remedy="delete it: everything then counts as changed")


def save_state(state: State, path: Path) -> None:
    """Write the state.

    Raises:
        TinyopsError: it cannot be written.
    """
    make_folder(path.parent)
    write_file(path, state.model_dump_json(indent=2).encode() + b"\n")
