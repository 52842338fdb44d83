"""Why TFLM does not run a model."""

from __future__ import annotations

from enum import Enum

from edge_deployer.errors import TinyopsError


class Reason(Enum):
    """The kinds of refusal, for code that must tell them apart."""

    UNSUPPORTED_OP = "unsupported operator"
    ARENA_TOO_SMALL = "arena too small"
    NOT_A_MODEL = "not a model"
    PREPARE_FAILED = "an operator cannot be prepared"
    WRONG_TENSORS = "wrong number or shape of tensors"
    CRASHED = "TFLM crashed"


_REMEDIES = {
    Reason.ARENA_TOO_SMALL: "make the model smaller, or use a board profile with a bigger arena",
    Reason.NOT_A_MODEL: "give the .tflite file that the converter wrote, whole and unchanged",
    Reason.WRONG_TENSORS: "convert a model with exactly one input and one output of numbers and a batch of 1",
}
"""For the reasons that leave but one; the others depend on the operator, see `edge_deployer.tflm.remedies`."""


class ModelRefused(TinyopsError):
    """TFLM cannot load the model. Without a remedy of its own it has what helps in any such case, if anything does."""

    def __init__(self, reason: Reason, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message, remedy=_REMEDIES.get(reason, "") if remedy is None else remedy)
        self.reason = reason


class InferenceCrashed(TinyopsError):
    """The model loaded, but TFLM failed or died while it ran a sample."""


def does_not_start(how: str, said: str) -> TinyopsError:
    """TFLM itself fails on this machine, whatever the model: what ended its start, and its last words."""
    return TinyopsError(
        f"TensorFlow Lite Micro does not start on this machine ({how}): {said or 'no word of why'}",
        remedy="install tinyops in a fresh environment, in its checkout: pip install '.[sim]'",
    )
