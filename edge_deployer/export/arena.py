"""The arena that firmware sets aside for a model, and the figures that it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel

from edge_deployer.errors import TinyopsError
from edge_deployer.files import exists, read_record
from edge_deployer.release.bundle import Bundle
from edge_deployer.release.store import RECORD_FILE

_ALIGNMENT: Final = 16
_LEAST_HEADROOM: Final = 1024


@dataclass(frozen=True)
class MeasuredArena:
    """What a real board said that the model uses."""

    board: str
    profile: str
    used: int  # Bytes.


@dataclass(frozen=True)
class Arena:
    """How much is needed, by boards where real ones ran the release, or else by the host."""

    host: int | None  # Smallest arena in which TFLM ran the model on a 64-bit host, bytes; None where it was not there.
    boards: tuple[MeasuredArena, ...]

    @property
    def needed(self) -> int:
        """Bytes of the greatest figure.

        Raises:
            TinyopsError: nobody measured.
        """
        figures = [board.used for board in self.boards] or ([] if self.host is None else [self.host])
        if not figures:
            raise TinyopsError(
                "the release's arena is not known: it was built without TFLM, and no real board has run it for good",
                remedy="push the model where the `sim` extra is installed, or promote it to a real board",
            )
        return max(figures)

    @property
    def headroom(self) -> int:
        """Bytes added to it: a tenth, at least a kilobyte, up to the alignment.

        Kernels that are tuned for a core take scratch memory that others do not, and TFLM's own figure can lie below
        the least that small models start with.
        """
        wanted = self.needed + max(_LEAST_HEADROOM, self.needed // 10)
        return -(-wanted // _ALIGNMENT) * _ALIGNMENT - self.needed

    @property
    def total(self) -> int:
        """Bytes to set aside."""
        return self.needed + self.headroom


class _Evidence(BaseModel):
    arena_used: int | None = None
    running_hash: str | None = None


class _Board(BaseModel):
    name: str
    profile: str
    virtual: bool
    evidence: _Evidence | None = None


class _Promotion(BaseModel):
    """The part of a promotion's record that is of interest here."""

    boards: list[_Board] = []


def arena_of(bundle: Bundle) -> Arena:
    """The figures for a release: its manifest's, and those in the record of its promotion, if it was promoted.

    Raises:
        TinyopsError: the record cannot be read.
    """
    record = bundle.folder / RECORD_FILE
    what, found = f"record of a promotion {record}", _Promotion()
    if exists(record, what):
        remedy = "move the file out of the workspace, and push its release again"
        found = read_record(_Promotion, record, what, remedy=remedy)
    boards = (board for board in found.boards if not board.virtual and board.evidence)
    return Arena(
        bundle.manifest.arena_bytes,
        tuple(
            MeasuredArena(board.name, board.profile, board.evidence.arena_used)
            for board in boards
            if board.evidence
            and board.evidence.arena_used is not None
            and board.evidence.running_hash == bundle.image.hash.hex()
        ),
    )
