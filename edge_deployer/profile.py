"""Board profiles: what a class of board offers a model. Shipped as YAML in `edge_deployer/profiles/`."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError, model_validator

from edge_deployer.errors import TinyopsError
from edge_deployer.field_errors import describe_validation_error
from edge_deployer.files import read_yaml
from edge_deployer.wire.framing import FramingName
from edge_deployer.wire.mcuboot import largest_image

_SHIPPED = resources.files("edge_deployer") / "profiles"


class BoardProfile(BaseModel):
    """The limits and speeds of one class of board."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    description: str
    arena_bytes: PositiveInt = Field(description="RAM set aside for the tensor arena")
    slot_bytes: PositiveInt = Field(description="size of one MCUboot image slot in flash, its trailer included")
    page_bytes: PositiveInt = Field(description="size of a flash page: what one erase erases")
    flash_bytes_per_second: PositiveInt = Field(description="speed of writing to erased flash")
    page_erase_ms: PositiveFloat = Field(description="milliseconds to erase a page")
    line_rate: PositiveInt = Field(description="UART bit rate, 8N1: ten bits per byte")
    framing: FramingName = Field(
        default="console", description="console: base64 with a CRC-16, beside log output; raw: unprotected, faster"
    )
    smp_buffer_bytes: int = Field(ge=256, description="size of one of the SMP server's buffers")
    smp_buffer_count: int = Field(default=4, ge=2, description="number of them")
    compressed_upload: bool = Field(
        default=False, description="whether the firmware takes compressed images (group 65, command `upload`)"
    )
    macs_per_second: PositiveInt = Field(description="int8 multiply-accumulates per second; for the latency estimate")
    bytes_per_second: PositiveInt = Field(
        description="bytes of activations read and written per second; for the latency estimate"
    )
    speeds_of: str | None = Field(
        default=None, description="what the two speeds were measured on: stands beside every estimate"
    )

    @model_validator(mode="after")
    def _whole_pages(self) -> BoardProfile:
        if self.slot_bytes % self.page_bytes:
            raise ValueError(f"slot_bytes {self.slot_bytes} is not a whole number of pages of {self.page_bytes} bytes")
        return self

    @property
    def image_bytes(self) -> int:
        """Size of the largest image that a slot takes, in bytes."""
        return largest_image(self.slot_bytes // self.page_bytes, self.page_bytes)


def shipped_profiles() -> list[str]:
    """Names of the profiles that come with the package."""
    return sorted(Path(entry.name).stem for entry in _SHIPPED.iterdir() if entry.name.endswith(".yaml"))


def load_profile(name: str, *, base: Path | None = None) -> BoardProfile:
    """Load a shipped profile by name, or a profile file by path.

    Args:
        name: a name from `shipped_profiles`, or a path ending in ``.yaml``.
        base: folder that a relative path counts from; the working folder if None.

    Raises:
        TinyopsError: no such profile, it is not YAML, or a field in it is wrong.
    """
    if name.endswith((".yaml", ".yml")):
        path = (base or Path()) / name
        return _checked(read_yaml(path, f"board profile {path}"), name)
    if name in shipped_profiles():
        return _shipped_profile(name)
    remedy = f"use one of {', '.join(shipped_profiles())}, or the path of a .yaml file"
    raise TinyopsError(f"there is no board profile named {name!r}", remedy=remedy)


@cache
def _shipped_profile(name: str) -> BoardProfile:
    return _checked(read_yaml(_SHIPPED / f"{name}.yaml", f"board profile {name}"), name)


def _checked(content: object, name: str) -> BoardProfile:
    try:
        return BoardProfile.model_validate(content)
    except ValidationError as error:
        raise describe_validation_error(error, f"board profile {name}") from error
