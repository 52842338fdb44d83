"""A conversation with one board: install, test, confirm, reset, run, health."""

from edge_deployer.session.device_session import DeviceSession
from edge_deployer.session.errors import (
    BoardGone,
    BoardRefused,
    Fenced,
    ImageTooBig,
    InUse,
    LineError,
    ModelFault,
    PortInUse,
    ProtocolError,
    SessionError,
    WrongInputs,
)
from edge_deployer.session.facts import DeviceInfo, Health, InferenceResult, ServerParameters, SlotState
from edge_deployer.wire.inference import ErrorCode, ResetReason

__all__ = [
    "BoardGone",
    "BoardRefused",
    "DeviceInfo",
    "DeviceSession",
    "ErrorCode",
    "Fenced",
    "Health",
    "ImageTooBig",
    "InUse",
    "InferenceResult",
    "LineError",
    "ModelFault",
    "PortInUse",
    "ProtocolError",
    "ResetReason",
    "ServerParameters",
    "SessionError",
    "SlotState",
    "WrongInputs",
]
