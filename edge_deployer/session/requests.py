"""Group 65's requests for smpclient: each with the response and the errors it may get."""

from __future__ import annotations

from edge_deployer.wire import inference


class _InferenceGroup:
    _ErrorV1 = inference.InferenceErrorV1
    _ErrorV2 = inference.InferenceErrorV2


class InfoRead(inference.InfoReadRequest, _InferenceGroup):
    """Ask what model runs."""

    _Response = inference.InfoReadResponse


class RunWrite(inference.RunWriteRequest, _InferenceGroup):
    """Send a chunk of inputs."""

    _Response = inference.RunWriteResponse


class RunRead(inference.RunReadRequest, _InferenceGroup):
    """Ask for a chunk of outputs."""

    _Response = inference.RunReadResponse


class HealthRead(inference.HealthReadRequest, _InferenceGroup):
    """Ask how the board is."""

    _Response = inference.HealthReadResponse


class ClaimWrite(inference.ClaimWriteRequest, _InferenceGroup):
    """Take the board for an epoch."""

    _Response = inference.ClaimWriteResponse


class UploadRead(inference.UploadReadRequest, _InferenceGroup):
    """Ask how the board takes compressed images."""

    _Response = inference.UploadReadResponse


class UploadWrite(inference.UploadWriteRequest, _InferenceGroup):
    """Send a chunk of a compressed image."""

    _Response = inference.UploadWriteResponse
