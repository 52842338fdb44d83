"""The image that exported components name."""

from __future__ import annotations

from typing import Final

from pydantic import TypeAdapter, ValidationError

from edge_deployer.errors import TinyopsError
from pipeline.project.kubeflow_settings import Image

_IMAGE: Final = TypeAdapter[str](Image)


def require_image(image: str) -> None:
    """Refuse a name that is none, or that means another image tomorrow.

    Raises:
        TinyopsError: it has neither a tag, `latest` not being one, nor a digest.
    """
    try:
        _IMAGE.validate_python(image)
    except ValidationError as error:
        why = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise TinyopsError(f"--image {image}: {why}", remedy="give --image REGISTRY/NAME:TAG") from None
