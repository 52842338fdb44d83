"""What all sections of a project file have in common, and the types of their values."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo


def beside_config(path: Path, info: ValidationInfo) -> Path:
    """Paths in a project file count from its folder."""
    return Path((info.context or {}).get("folder", Path())) / path.expanduser()


ConfigPath = Annotated[Path, AfterValidator(beside_config)]
FeatureName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
StoreUri = Annotated[str, StringConstraints(pattern=r"^(gs|s3|minio)://[^/\s]+/\S+$")]
"""What lies in an object store."""
Share = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """A part of a project file: an unknown key is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)
