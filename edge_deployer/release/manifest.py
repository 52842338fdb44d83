"""The release manifest: where a model comes from and what it was measured to do. Signed as part of the image."""

from __future__ import annotations

from typing import Annotated

import cbor2
from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from edge_deployer.errors import TinyopsError
from edge_deployer.files import checking
from edge_deployer.release.front_end import FrontEndFacts
from edge_deployer.task_name import TaskName

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Provenance(BaseModel):
    """Which run of which code on which data made the model. A field is None where nobody knows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run_id: str | None = None
    git_commit: str | None = None
    git_dirty: bool | None = None
    data_fingerprint: str | None = None


class Manifest(BaseModel):
    """What a release image holds in the protected TLV `edge_deployer.release.image.MANIFEST_TLV`.

    As canonical CBOR (RFC 8949, section 4.2.1).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    version: str = Field(description="MCUboot version: major.minor.revision+build")
    model_sha256: Sha256
    model_bytes: int = Field(gt=0)
    arena_bytes: PositiveInt | None = Field(
        description="smallest arena it runs in, by bisection on a 64-bit host; null where TFLM was not there"
    )
    board_profile: str = Field(description="the profile that it was validated for")
    profiles: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="names of the profiles that it is for; null: of all that it fits"
    )
    provenance: Provenance
    task: TaskName | None = Field(default=None, description="what the model is for; null where nothing tells")
    metrics: dict[str, float]
    front_end: FrontEndFacts | None = Field(
        default=None, description="what makes the model's features; null where nothing is said of it"
    )
    parts: dict[str, Sha256] = Field(description="digest of each file beside the image, by file name")

    def to_cbor(self) -> bytes:
        """The manifest's one encoding."""
        return cbor2.dumps(self.model_dump(mode="json", exclude=self._unsaid), canonical=True)

    def to_json(self) -> bytes:
        """The same for people and tools."""
        return f"{self.model_dump_json(indent=2, exclude=self._unsaid)}\n".encode()

    @property
    def _unsaid(self) -> set[str]:
        """What an earlier install does not know is left out where it says nothing, so that it reads the manifest."""
        return {name for name in ("front_end", "profiles") if getattr(self, name) is None}

    @classmethod
    def from_cbor(cls, data: bytes) -> Manifest:
        """Inverse of `to_cbor`.

        Raises:
            TinyopsError: the bytes are no manifest.
        """
        what, remedy = "the release's manifest", "build the release again"
        try:
            fields = cbor2.loads(data)
        except cbor2.CBORDecodeError as error:
            raise TinyopsError(f"{what} cannot be decoded: {error}", remedy=remedy) from None
        with checking(what, remedy=remedy):
            return cls.model_validate(fields)
