"""What a network will need of a board, estimated from its layers before anything is converted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Final

# The rule by which networks are sized. The rest of a slot is for the image's header, signature and trailer and for a
# larger model one day; an arena found on a host is an estimate.
SHARE_OF_SLOT: Final = 1 / 2
SHARE_OF_ARENA: Final = 3 / 4

# Measured of models that the converter made: what the file holds beside weights, and TFLM in the arena beside maps.
_FILE_BYTES: Final = 4000
_FILE_BYTES_A_LAYER: Final = 700
_FILE_BYTES_A_FILTER: Final = 24  # int32 bias; scale and zero point of the filter's weights, and the bias's.
_ARENA_BYTES: Final = 2000
_ARENA_BYTES_A_LAYER: Final = 250
_ARENA_BYTES_A_FILTER: Final = 8  # int32 multiplier and shift.

# They leave no operator behind, or one that works in place.
_FOLDED = ("BatchNormalization", "ReLU", "Dropout", "Reshape", "Flatten", "InputLayer")


@dataclass(frozen=True)
class Budget:
    """Most that a network may need: by the rule, half of the slot and three quarters of the arena."""

    flash_bytes: float
    arena_bytes: float

    @classmethod
    def of(cls, board: Mapping[str, int] | None) -> Budget:
        """Of a board with ``slot_bytes`` and ``arena_bytes``; without a board there is no limit."""
        if board is None:
            return cls(float("inf"), float("inf"))
        return cls(board["slot_bytes"] * SHARE_OF_SLOT, board["arena_bytes"] * SHARE_OF_ARENA)

    def holds(self, model: Any) -> bool:
        """Whether a Keras model keeps within it."""
        return flash_bytes(model) <= self.flash_bytes and arena_bytes(model) <= self.arena_bytes


def flash_bytes(model: Any) -> int:
    """Size of the int8 model file that a Keras model will become, estimated.

    Args:
        model: a functional or sequential Keras model.
    """
    kernels = [kernel for layer in model.layers for kernel in _kernels(layer)]
    filters = sum(_filters(kernel) for kernel in kernels)
    weights = sum(prod(kernel) for kernel in kernels)
    return _FILE_BYTES + _FILE_BYTES_A_LAYER * len(kernels) + _FILE_BYTES_A_FILTER * filters + weights


def arena_bytes(model: Any) -> int:
    """Arena that TFLM will need for a Keras model in int8, estimated: the most maps that live at once, and its notes.

    Args:
        model: a functional or sequential Keras model.
    """
    kernels = [kernel for layer in model.layers for kernel in _kernels(layer)]
    notes = _ARENA_BYTES_A_LAYER * len(kernels) + _ARENA_BYTES_A_FILTER * sum(map(_filters, kernels))
    return _ARENA_BYTES + notes + _largest_at_once(model)


def _largest_at_once(model: Any) -> int:
    """Most values in maps that are alive while one layer runs."""
    held: dict[int, int] = {}  # Values of a map, by the tensor that it first was.
    first: dict[int, int] = {}  # That tensor, of each tensor which layers that work in place made of it.
    last: dict[int, int] = {}  # Number of the last layer that reads a map.
    for number, layer in enumerate(model.layers):
        read = [first[id(tensor)] for tensor in _inputs(layer) if id(tensor) in first]
        last.update(dict.fromkeys(read, number))
        made = id(layer.output)
        first[made] = read[0] if type(layer).__name__ in _FOLDED and read else made
        held.setdefault(first[made], prod(layer.output.shape[1:]))
        last[first[made]] = number
    return max(_alive(model, held, first, last))


def _alive(model: Any, held: dict[int, int], first: dict[int, int], last: dict[int, int]) -> Iterator[int]:
    made: set[int] = set()
    for number, layer in enumerate(model.layers):
        made.add(first[id(layer.output)])
        yield sum(held[tensor] for tensor in made if last[tensor] >= number)


def _inputs(layer: Any) -> list[Any]:
    given = layer.input
    return list(given) if isinstance(given, list | tuple) else [given]


def _kernels(layer: Any) -> list[tuple[int, ...]]:
    """Shapes of a layer's weights with more than one dimension."""
    if type(layer).__name__ in _FOLDED:
        return []
    return [tuple(weight.shape) for weight in layer.weights if len(weight.shape) > 1]


def _filters(kernel: tuple[int, ...]) -> int:
    """Channels that a kernel makes: a depthwise one ends in (channels, 1)."""
    return kernel[-2] * kernel[-1] if kernel[-1] == 1 and len(kernel) == 4 else kernel[-1]
