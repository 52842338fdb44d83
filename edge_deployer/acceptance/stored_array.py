"""An array inside a JSON document, to the last bit."""

from __future__ import annotations

import base64
import binascii
from functools import cached_property
from math import prod

import numpy as np
from pydantic import BaseModel, ConfigDict, model_validator
from typing_extensions import Self

from edge_deployer.tensors import Array


class StoredArray(BaseModel):
    """A numeric array.

    Attributes:
        dtype: numpy name of the type, e.g. ``int8``; stored little-endian.
        shape: with the samples first.
        data: base64 of the values in C order.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    dtype: str
    shape: tuple[int, ...]
    data: str

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        try:
            size = len(base64.b64decode(self.data, validate=True))
            wanted = prod(self.shape) * np.dtype(self.dtype).itemsize
        except (binascii.Error, TypeError) as error:
            raise ValueError(f"not an array: {error}") from error
        if size != wanted:
            raise ValueError(f"{size} bytes of data for {self.dtype}{list(self.shape)}, {wanted} bytes")
        return self

    @classmethod
    def of(cls, array: Array) -> Self:
        """Store an array of numbers."""
        little = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False))
        data = base64.b64encode(little.tobytes()).decode()
        return cls(dtype=array.dtype.name, shape=array.shape, data=data)

    def load(self) -> Array:
        """The array; it is decoded once, and cannot be written to."""
        return self._decoded

    @cached_property
    def _decoded(self) -> Array:
        stored = np.dtype(self.dtype).newbyteorder("<")
        array: Array = np.frombuffer(base64.b64decode(self.data), stored).reshape(self.shape).astype(self.dtype)
        array.flags.writeable = False
        return array
