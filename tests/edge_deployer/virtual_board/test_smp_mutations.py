"""Requests to all groups of the real firmware, mutated: it answers, resets as asked, or ignores; nothing else."""

from __future__ import annotations

from typing import Any

import cbor2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from smp.error import MGMT_ERR

from edge_deployer.profile import load_profile
from edge_deployer.public_key import read_public_keys
from edge_deployer.virtual_board.settings import BoardSettings
from edge_deployer.wire.framing import FRAMINGS, FramingName
from edge_deployer.wire.smp import HEADER_BYTES, Header, whole_message
from tests.edge_deployer.virtual_board.running_board import Signer
from tests.edge_deployer.virtual_board.scripted_firmware import SILENCE, play

NAMES = [
    *("d", "format", "query", "name", "data", "len", "off", "sha", "image", "hash", "confirm", "slot", "n", "crc"),
    *("epoch", "size", "at", "codec", "rev", "header", "sequence", "version", "smp_data"),
]
leaves = st.none() | st.booleans() | st.integers(-(2**66), 2**66) | st.floats() | st.text(max_size=9) | st.binary()
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(leaves, inner, max_size=3))
maps = st.dictionaries(st.sampled_from(NAMES) | leaves, values, max_size=6).map(cbor2.dumps)
bodies = maps | values.map(cbor2.dumps) | st.binary(max_size=80) | maps.map(lambda body: body[: len(body) // 2])


def header(first: int, group: int, command: int, *, sequence: int = 99) -> Header:
    """A header whose first byte is any."""
    return Header(first & 7, first >> 3 & 3, group, sequence, command, reserved=first >> 5)


headers = st.tuples(st.sampled_from([0, 2, 8, 10]) | st.integers(0, 255), st.sampled_from([0, 1, 2, 65, 66]))
requests = st.builds(
    lambda head, command, body: header(head[0], head[1], command, sequence=7).before(body),
    headers,
    st.integers(0, 9),
    bodies,
)


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> dict[FramingName, BoardSettings]:
    small = {"slot_bytes": 8192, "page_bytes": 512, "compressed_upload": True}
    profile = load_profile("cortex-m0plus").model_copy(update=small)
    key = read_public_keys(signer.public_key)
    return {
        framing: BoardSettings(tmp_path_factory.mktemp(framing), profile.model_copy(update={"framing": framing}), key)
        for framing in FRAMINGS
    }


@pytest.mark.parametrize("framing", list(FRAMINGS))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(messages=st.lists(requests, min_size=1, max_size=4))
def test_mutated_requests_are_answered_or_ignored(
    boards: dict[FramingName, BoardSettings], framing: FramingName, messages: list[bytes]
) -> None:
    frames = FRAMINGS[framing]
    script: list[bytes | None] = []
    for message in messages:
        script += [frames.encode(message), SILENCE]
    sent, _ = play(boards[framing], script)
    for answer in frames.decoder(65536).feed(sent):
        head = whole_message(answer)
        assert head is not None
        assert head.op in {1, 3}
        assert len(answer) <= boards[framing].profile.smp_buffer_bytes - frames.overhead
        fields: Any = cbor2.loads(answer[HEADER_BYTES:])
        assert isinstance(fields, dict)


def test_an_epoch_that_no_counter_holds_is_refused(boards: dict[FramingName, BoardSettings]) -> None:
    body = cbor2.dumps({"epoch": 1 << 64})
    sent, _ = play(boards["raw"], [header(10, 65, 3).before(body)])
    assert cbor2.loads(sent[HEADER_BYTES:]) == {"rc": MGMT_ERR.EINVAL}


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.lists(st.binary(min_size=1, max_size=200), max_size=5))
@pytest.mark.parametrize("framing", list(FRAMINGS))
def test_after_any_noise_and_a_silence_the_firmware_answers(
    boards: dict[FramingName, BoardSettings], framing: FramingName, noise: list[bytes]
) -> None:
    frames = FRAMINGS[framing]
    body = cbor2.dumps({"d": "still there"})
    echo = frames.encode(header(10, 0, 0).before(body))
    sent, _ = play(boards[framing], [*noise, SILENCE, echo])
    answers = list(frames.decoder(65536).feed(sent))
    assert cbor2.loads(answers[-1][HEADER_BYTES:]) == {"r": "still there"}
