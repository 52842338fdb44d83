"""TFLM's output, as it was recorded from real models, turned into reasons."""

from __future__ import annotations

import pytest

from edge_deployer.tflm.diagnosis import arena_used, diagnose, explain_failed_run
from edge_deployer.tflm.errors import Reason

HYBRID = """tensorflow/lite/micro/kernels/conv_common.cc Hybrid models are not supported on TFLite Micro.
Node CONV_2D (number 0) failed to prepare with status 1
"""
NO_ROOM = """Failed to resize buffer. Requested: 16000, available 11952, missing: 4048
"""
NO_ROOM_IN_A_NODE = """Failed to allocate temp memory. Requested: 64, available 0, missing: 64
tensorflow/lite/micro/kernels/conv_common.cc:147 output != nullptr was not true.
Node CONV_2D (number 0) failed to prepare with status 1
"""


@pytest.mark.parametrize(
    ("text", "died", "reason", "words"),
    [
        ("Failed to get registration from op code CUSTOM\n \n", None, Reason.UNSUPPORTED_OP, "operator CUSTOM"),
        (HYBRID, None, Reason.PREPARE_FAILED, "CONV_2D (operator 0): Hybrid models are not supported"),
        (NO_ROOM, None, Reason.ARENA_TOO_SMALL, "Requested: 16000"),
        (NO_ROOM_IN_A_NODE, None, Reason.ARENA_TOO_SMALL, "Failed to allocate temp memory"),
        (NO_ROOM, "SIGSEGV", Reason.ARENA_TOO_SMALL, "Requested: 16000"),
        ("Too many buffers (max is 2)\n", None, Reason.ARENA_TOO_SMALL, "Too many buffers"),
        ("", "SIGABRT", Reason.CRASHED, "TFLM died (SIGABRT)"),
        ("", None, Reason.PREPARE_FAILED, "without a word"),
    ],
)
def test_reasons(text: str, died: str | None, reason: Reason, words: str) -> None:
    found, message = diagnose(text, died=died)
    assert found is reason
    assert words in message


def test_a_failed_run_names_the_operator() -> None:
    text = "a.cc:12 index >= 0 was not true.\nNode GATHER (number 3) failed to invoke with status 1\n"
    assert explain_failed_run(text) == "GATHER (operator 3): index >= 0 was not true."


def test_arena_total_is_read() -> None:
    assert arena_used("[RecordingMicroAllocator] Arena allocation total 1504 bytes\n") == 1504
