"""What TFLM printed, as a reason and a sentence. Pure functions of the text."""

from __future__ import annotations

import re

from edge_deployer.tflm.errors import Reason

_MISSING_OPERATOR = re.compile(r"(?:Failed to get registration from op code|Didn't find op for builtin opcode) '?(\w+)")
# "Too many buffers" is the memory planner, whose room is what the rest of the arena leaves. A count of resource
# variables that is reached, by contrast, has nothing to do with memory.
_NO_ROOM = re.compile(
    r"^(?!.*resource variable).*(?:(?:Failed|Unable) to allocate|Failed to resize buffer|Too many buffers).*$",
    re.MULTILINE,
)
_NODE = re.compile(r"^Node (\w+) \(number (\d+)\) failed to (\w+)", re.MULTILINE)
_SOURCE_PREFIX = re.compile(r"^\S+\.(?:cc|h)(?::\d+)?\s+")
_ARENA_TOTAL = re.compile(r"Arena allocation total (\d+) bytes")


def arena_used(text: str) -> int:
    """Bytes of arena from what `print_allocations` prints."""
    found = _ARENA_TOTAL.search(text)
    if found is None:
        raise ValueError(f"no arena total in {text!r}")
    return int(found[1])


def missing_operator(text: str) -> str | None:
    """The operator TFLM has no kernel for: its name in the schema, ``CUSTOM`` for any custom one, or None."""
    found = _MISSING_OPERATOR.search(text)
    return found[1] if found else None


def diagnose(text: str, *, died: str | None) -> tuple[Reason, str]:
    """The reason for a failed load, and one sentence with TFLM's own words.

    Args:
        text: what TFLM wrote to fd 2 during the load.
        died: how the process ended, or None where TFLM returned an error.
    """
    operator = missing_operator(text)
    if operator is not None:
        return Reason.UNSUPPORTED_OP, f"TFLM has no kernel for the operator {operator}"
    no_room = _NO_ROOM.search(text)
    if no_room is not None:
        return Reason.ARENA_TOO_SMALL, f"TFLM: {no_room[0].strip()}"
    node = _NODE.search(text)
    if node is not None and died is None:
        return Reason.PREPARE_FAILED, _describe_node(text, node)
    if died is not None:
        words = last_words(text)
        return Reason.CRASHED, f"TFLM died ({died})" + (f" after saying: {words}" if words else "")
    return Reason.PREPARE_FAILED, f"TFLM: {last_words(text) or 'failed without a word'}"


def failed_operator(text: str) -> tuple[str, str] | None:
    """The operator that failed to be prepared or to run, and TFLM's words for why; None where none is named."""
    node = _NODE.search(text)
    return (node[1], last_words(text[: node.start()])) if node else None


def explain_failed_run(text: str) -> str:
    """The operator that failed on a sample and TFLM's words for it."""
    node = _NODE.search(text)
    return _describe_node(text, node) if node else last_words(text) or "failed without a word"


def last_words(text: str) -> str:
    """The last line TFLM printed, without the path of its source file; empty where it printed none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return _SOURCE_PREFIX.sub("", lines[-1]) if lines else ""


def _describe_node(text: str, node: re.Match[str]) -> str:
    operator = f"{node[1]} (operator {node[2]})"
    return f"{operator}: {last_words(text[: node.start()]) or f'failed to {node[3]}'}"
