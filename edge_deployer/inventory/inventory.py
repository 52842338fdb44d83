"""The inventory, a file or a folder of files: boards, their pools and the key they trust."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from edge_deployer.errors import TinyopsError
from edge_deployer.field_errors import describe_validation_error
from edge_deployer.files import read_file, read_yaml, reading, resolved
from edge_deployer.inventory.ports import check_url, port_identity
from edge_deployer.inventory.power_commands import PowerCommands
from edge_deployer.inventory.quarantine import FILE_NAME as QUARANTINE_FILE
from edge_deployer.profile import BoardProfile, load_profile
from edge_deployer.public_key import key_id, read_public_keys, short_ids
from edge_deployer.wire.framing import FramingName

Pool = Literal["staging", "production"]

_SPARE: Final = "spare"
"""How a file names the pool of a staging board that is a spare."""

LOCK_FILE = "lock"
"""Of the bench, in the folder with a folder for each virtual board."""


def _own_name(name: str) -> str:
    """A board's folder has its name, beside files of ours."""
    if name == LOCK_FILE or name.startswith(QUARANTINE_FILE):
        raise ValueError("this name is taken by a file beside the boards' folders; give the board another")
    return name


def _known_pool(pool: object) -> object:
    if pool not in get_args(Pool):
        raise ValueError("a pool is `staging`, `production` or `spare`")
    return pool


def _unique(tags: tuple[str, ...]) -> tuple[str, ...]:
    repeated = [tag for tag, count in Counter(tags).items() if count > 1]
    if repeated:
        raise ValueError(f"tags stand twice: {', '.join(repeated)}")
    return tags


class BoardEntry(BaseModel):
    """One board: a URL, or `virtual: true` for a board that runs on this machine.

    A staging board may be a `spare`: it does nothing until it has to stand in for a board that is not to be trusted. In
    a file that is `pool: spare`, or as in earlier ones `pool: staging, spare: true`.
    Its `framing` is for firmware that is built with another one than its profile says.
    A board with a URL may have `power`, the commands that switch its supply; a virtual board has a supply anyway.
    A virtual board may be `realtime`: inference and flash take the time its profile states. It may have `faults`, the
    file of a fault plan.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64), AfterValidator(_own_name)]
    pool: Annotated[Pool, BeforeValidator(_known_pool)]
    profile: str = "cortex-m4"
    url: Annotated[str, AfterValidator(check_url)] | None = Field(
        default=None, description="a device path, or a URL that a transport is registered for"
    )
    framing: FramingName | None = Field(default=None, description="on a serial line; without it, the profile's")
    tags: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=32)], ...],
        AfterValidator(_unique),
    ] = Field(default=(), description="words to choose boards by")
    spare: bool = False
    power: PowerCommands | None = None
    virtual: bool = False
    realtime: bool = False
    faults: Path | None = None

    @model_validator(mode="before")
    @classmethod
    def _spare_of_staging(cls, content: Any) -> Any:
        if not isinstance(content, dict) or content.get("pool") != _SPARE:
            return content
        if content.get("spare", True) is not True:
            raise ValueError("a board of the pool `spare` is a spare: leave `spare` out")
        return {**content, "pool": "staging", "spare": True}

    @model_validator(mode="after")
    def _one_way_to_reach_it(self) -> BoardEntry:
        if (self.url is None) != self.virtual:
            raise ValueError("a board has either a url or `virtual: true`")
        if self.spare and self.pool != "staging":
            raise ValueError("`spare` is for staging boards")
        if self.framing and self.url and self.url.startswith("udp:"):
            raise ValueError("`framing` is for serial lines")
        if not self.virtual and (self.realtime or self.faults):
            raise ValueError("`realtime` and `faults` are for virtual boards")
        if self.virtual and self.power:
            raise ValueError("`power` is for boards with a url: a virtual board has a supply of its own")
        return self


MOST_KEYS: Final = 2
"""That boards trust at once: what signs, and what it takes the place of."""


def _one_or_several(keys: Any) -> Any:
    """`public_key` is one path, or a list of them."""
    if keys == []:
        raise ValueError("name a key, or leave public_key out")
    return keys if isinstance(keys, (list, tuple)) else [] if keys is None else [keys]


class Inventory(BaseModel):
    """All boards of a release line; as loaded, at least one in each pool that is no spare, under names of their own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # PEM files of the keys the boards trust; a release signed with another is refused before a board is touched.
    # Without one the boards alone decide.
    public_key: Annotated[tuple[Path, ...], BeforeValidator(_one_or_several), Field(max_length=MOST_KEYS)] = ()
    boards: tuple[BoardEntry, ...]

    def pool(self, name: str) -> tuple[BoardEntry, ...]:
        """The boards of one pool, in the order of the inventory."""
        return tuple(board for board in self.boards if board.pool == name)

    @property
    def wanted_staging(self) -> int:
        """Boards that try a release at once: staging without its spares."""
        return sum(not board.spare for board in self.pool("staging"))

    @property
    def first_of_profile(self) -> dict[str, BoardEntry]:
        """The first board of each profile, as entries name it: what holds of it holds of all of that profile."""
        return {board.profile: board for board in reversed(self.boards)}

    @property
    def profile_names(self) -> frozenset[str]:
        """Names of the profiles that the boards have, spares too."""
        return frozenset(load_profile(profile).name for profile in {board.profile for board in self.boards})


@dataclass(frozen=True)
class _File:
    """A file of an inventory, as it stands there."""

    name: str  # In words, with its path.
    folder: Path  # What relative paths in it count from.
    content: Inventory  # The file's part of it.


@dataclass(frozen=True)
class _Placed:
    """A board and the file that it stands in."""

    board: BoardEntry
    file: _File

    def told_apart_from(self, other: _Placed) -> str:
        """Its name, with the file's where that is another one than the other board's."""
        return self.board.name if self.file is other.file else f"{self.board.name} in {self.file.name}"


def load_inventory(path: Path | None) -> Inventory:
    """Read and check an inventory; None gives the shipped one: 2 staging and 3 production virtual boards.

    Relative paths in a file count from the file's folder.

    Args:
        path: a file, or a folder whose ``*.yaml`` and ``*.yml`` are read in the order of their names. What is in
            folders below it, is named otherwise, or begins with a dot, is left alone.

    Raises:
        TinyopsError: a file is missing, is not YAML, a field is wrong, two boards have one name or are at one port, a
            pool has no board, or a board profile, a fault plan, the public key or the program of a power command that
            a file names cannot be used.
    """
    whole = "default inventory" if path is None else f"inventory {path}"
    files = _read(path, whole)
    placed = [_Placed(board, file) for file in files for board in file.content.boards]
    _require_own_names(placed, whole)
    _require_pools(Inventory(boards=tuple(one.board for one in placed)), whole)
    _require_own_ports(placed, whole)
    for profile, folder in dict.fromkeys((one.board.profile, one.file.folder) for one in placed):
        load_profile(profile, base=folder)
    boards = tuple(_resolve(one) for one in placed)
    return Inventory(boards=boards, public_key=_keys(files, whole))


def board_profile(board: BoardEntry) -> BoardProfile:
    """The profile of one board of a loaded inventory, with the framing that the board itself has."""
    profile = load_profile(board.profile)
    return profile if board.framing is None else profile.model_copy(update={"framing": board.framing})


def _read(path: Path | None, whole: str) -> list[_File]:
    if path is None:
        return [_checked(read_yaml(resources.files(__package__) / "default.yaml", whole), whole, Path())]
    with reading(whole):
        is_folder = path.is_dir()
        names = sorted(entry.name for entry in path.iterdir()) if is_folder else []
    if not is_folder:
        return [_checked(read_yaml(path, whole), whole, path.parent)]
    chosen = [name for name in names if name.endswith((".yaml", ".yml")) and not name.startswith(".")]
    if not chosen:
        remedy = "put files with `boards` there, or name the folder that has them; folders below it are not read"
        raise TinyopsError(f"{whole}: no *.yaml or *.yml file is in the folder", remedy=remedy)
    return [_read_one_of_many(path / name) for name in chosen]


def _read_one_of_many(path: Path) -> _File:
    """A file of a folder, where something else than an inventory may have come to lie."""
    name = f"inventory {path}"
    content = read_yaml(path, name)
    if not isinstance(content, dict) or "boards" not in content:
        remedy = "keep board profiles and fault plans in a folder below it, whose files are not read"
        raise TinyopsError(f"{name} has no `boards`, and is read as all *.yaml files of its folder are", remedy=remedy)
    return _checked(content, name, path.parent)


def _checked(content: object, name: str, folder: Path) -> _File:
    try:
        return _File(name, folder, Inventory.model_validate(content))
    except ValidationError as error:
        raise describe_validation_error(error, name) from error


def _keys(files: Sequence[_File], whole: str) -> tuple[Path, ...]:
    """The keys that the files name, which are the same wherever keys are named, checked; none where none are."""
    named = {file.name: [file.folder / key for key in file.content.public_key] for file in files}
    named = {file: keys for file, keys in named.items() if keys}
    if len({tuple(map(resolved, keys)) for keys in named.values()}) > 1:
        said = " and ".join(f"{', '.join(map(str, keys))} in {file}" for file, keys in named.items())
        raise TinyopsError(
            f"{whole}: `public_key` is {said}",
            remedy="name the keys of all boards in one of the files; boards of other keys are another inventory",
        )
    keys = tuple(next(iter(named.values()), ()))
    ids = [key_id(key) for path in keys for key in read_public_keys(path)]
    if len(ids) > MOST_KEYS or len(ids) > len(set(ids)):
        raise TinyopsError(
            f"{whole}: public_key has the keys {short_ids(ids)}", remedy=f"name {MOST_KEYS} at most, each once"
        )
    return keys


def _require_own_names(placed: Sequence[_Placed], whole: str) -> None:
    seen: dict[str, _Placed] = {}
    for one in placed:
        other = seen.setdefault(one.board.name, one)
        if other is not one:
            files = "" if other.file is one.file else f", in {other.file.name} and in {one.file.name}"
            remedy = "give every board a name of its own, or leave one of the two out"
            raise TinyopsError(f"{whole}: board names stand twice: {one.board.name}{files}", remedy=remedy)


def _require_pools(inventory: Inventory, whole: str) -> None:
    for pool in get_args(Pool):
        boards = inventory.pool(pool)
        if all(board.spare for board in boards):
            raise TinyopsError(
                f"{whole}: no board is in the {pool} pool{' besides spares' if boards else ''}",
                remedy=f"add a board with `pool: {pool}`",
            )


def _require_own_ports(placed: Sequence[_Placed], whole: str) -> None:
    seen: dict[str, _Placed] = {}
    for one in placed:
        if one.board.url is None:
            continue
        other = seen.setdefault(port_identity(one.board.url), one)
        if other is not one:
            urls = other.board.url if other.board.url == one.board.url else f"{other.board.url} and {one.board.url}"
            boards = f"{other.told_apart_from(one)} and {one.told_apart_from(other)}"
            remedy = "give every board the port that it is connected to, or leave one of the two out"
            raise TinyopsError(f"{whole}: {boards} are the same port, {urls}", remedy=remedy)


def _resolve(placed: _Placed) -> BoardEntry:
    """The board with the paths and programs of its entry as they are found from its file's folder."""
    board, folder, found = placed.board, placed.file.folder, dict[str, object]()
    if board.profile.endswith((".yaml", ".yml")):
        found["profile"] = str(resolved(folder / board.profile))
    if board.faults:
        found["faults"] = faults = resolved(folder / board.faults)
        read_file(faults, f"fault plan {faults}")
    if board.power:
        found["power"] = board.power.found_from(folder, f"{placed.file.name}: board {board.name}")
    return board.model_copy(update=found)
