"""The inventory file: boards, their pools and the key they trust."""

from __future__ import annotations

from collections import Counter
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from edge_deployer.errors import TinyopsError
from edge_deployer.field_errors import describe_validation_error
from edge_deployer.files import read_file, read_yaml, resolved
from edge_deployer.inventory.ports import check_url, port_identity
from edge_deployer.inventory.quarantine import FILE_NAME as QUARANTINE_FILE
from edge_deployer.profile import BoardProfile, load_profile
from edge_deployer.public_key import key_id, read_public_keys, short_ids

Pool = Literal["staging", "production"]


LOCK_FILE = "lock"
"""Of the bench, in the folder with a folder for each virtual board."""


def _own_name(name: str) -> str:
    """A board's folder has its name, beside files of ours."""
    if name == LOCK_FILE or name.startswith(QUARANTINE_FILE):
        raise ValueError("this name is taken by a file beside the boards' folders; give the board another")
    return name


class BoardEntry(BaseModel):
    """One board: a URL, or `virtual: true` for a board that runs on this machine.

    A staging board may be a `spare`: it does nothing until it has to stand in for a board that is not to be trusted.
    A virtual board may be `realtime`: inference and flash take the time its profile states. It may have `faults`, the
    file of a fault plan.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64), AfterValidator(_own_name)]
    pool: Pool
    profile: str = "cortex-m4"
    url: Annotated[str, AfterValidator(check_url)] | None = Field(
        default=None, description="a device path, or a URL that a transport is registered for"
    )
    spare: bool = False
    virtual: bool = False
    realtime: bool = False
    faults: Path | None = None

    @model_validator(mode="after")
    def _one_way_to_reach_it(self) -> BoardEntry:
        if (self.url is None) != self.virtual:
            raise ValueError("a board has either a url or `virtual: true`")
        if self.spare and self.pool != "staging":
            raise ValueError("`spare` is for staging boards")
        if not self.virtual and (self.realtime or self.faults):
            raise ValueError("`realtime` and `faults` are for virtual boards")
        return self


MOST_KEYS: Final = 2
"""That boards trust at once: what signs, and what it takes the place of."""


def _one_or_several(keys: Any) -> Any:
    """`public_key` is one path, or a list of them."""
    if keys == []:
        raise ValueError("name a key, or leave public_key out")
    return keys if isinstance(keys, (list, tuple)) else [] if keys is None else [keys]


class Inventory(BaseModel):
    """All boards of a release line."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # PEM files of the keys the boards trust; a release signed with another is refused before a board is touched.
    # Without one the boards alone decide.
    public_key: Annotated[tuple[Path, ...], BeforeValidator(_one_or_several), Field(max_length=MOST_KEYS)] = ()
    boards: tuple[BoardEntry, ...]  # At least one in each pool that is no spare, under names of their own.

    @model_validator(mode="after")
    def _usable(self) -> Inventory:
        repeated = [name for name, count in Counter(board.name for board in self.boards).items() if count > 1]
        if repeated:
            raise ValueError(f"board names stand twice: {', '.join(repeated)}")
        for pool in ("staging", "production"):
            if all(board.spare for board in self.pool(pool)):
                raise ValueError(f"no board is in the {pool} pool{' besides spares' if self.pool(pool) else ''}")
        return self

    def pool(self, name: str) -> tuple[BoardEntry, ...]:
        """The boards of one pool, in the file's order."""
        return tuple(board for board in self.boards if board.pool == name)

    @property
    def wanted_staging(self) -> int:
        """Boards that try a release at once: staging without its spares."""
        return sum(not board.spare for board in self.pool("staging"))

    @property
    def profile_names(self) -> frozenset[str]:
        """Names of the profiles that the boards have, spares too."""
        return frozenset(board_profile(board).name for board in self.boards)


def load_inventory(path: Path | None) -> Inventory:
    """Read and check an inventory file; None gives the shipped one: 2 staging and 3 production virtual boards.

    Relative paths in the file count from the file's folder.

    Raises:
        TinyopsError: the file is missing, is not YAML, a field is wrong, two boards are at one port, or a board
            profile, a fault plan or the public key that it names cannot be read.
    """
    source, base = ("default inventory", Path()) if path is None else (f"inventory {path}", path.parent)
    content = read_yaml(path or resources.files(__package__) / "default.yaml", source)
    try:
        inventory = Inventory.model_validate(content)
    except ValidationError as error:
        raise describe_validation_error(error, source) from error
    _require_own_ports(inventory, source)
    boards = tuple(_resolve(board, base) for board in inventory.boards)
    keys = tuple(base / key for key in inventory.public_key)
    _require_keys(keys, source)
    return inventory.model_copy(update={"boards": boards, "public_key": keys})


def board_profile(board: BoardEntry) -> BoardProfile:
    """The profile of one board of a loaded inventory."""
    return load_profile(board.profile)


def _require_own_ports(inventory: Inventory, source: str) -> None:
    seen: dict[str, BoardEntry] = {}
    for board in inventory.boards:
        if board.url is None:
            continue
        other = seen.setdefault(port_identity(board.url), board)
        if other is not board:
            names = other.url if other.url == board.url else f"{other.url} and {board.url}"
            remedy = "give every board the port that it is connected to, or leave one of the two out"
            raise TinyopsError(f"{source}: {other.name} and {board.name} are the same port, {names}", remedy=remedy)


def _require_keys(paths: tuple[Path, ...], source: str) -> None:
    ids = [key_id(key) for path in paths for key in read_public_keys(path)]
    if len(ids) > MOST_KEYS or len(ids) > len(set(ids)):
        raise TinyopsError(
            f"{source}: public_key has the keys {short_ids(ids)}", remedy=f"name {MOST_KEYS} at most, each once"
        )


def _resolve(board: BoardEntry, base: Path) -> BoardEntry:
    if board.profile.endswith((".yaml", ".yml")):
        board = board.model_copy(update={"profile": str(resolved(base / board.profile))})
    load_profile(board.profile)
    if board.faults:
        faults = resolved(base / board.faults)
        read_file(faults, f"fault plan {faults}")
        board = board.model_copy(update={"faults": faults})
    return board
