"""DSSE envelopes: the specification's own example, and what altered ones come to."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.errors import TinyopsError
from edge_deployer.files import DamagedFile
from edge_deployer.release.dsse import NotSigned, open_envelope, pae, sign
from edge_deployer.release.keys import SigningKey

TYPE, PAYLOAD = "http://example.com/HelloWorld", b"hello world"


def test_the_encoding_is_that_of_the_specification() -> None:
    """Source: DSSE 1.0.2, protocol.md, "Test Vectors"."""
    assert pae(TYPE, PAYLOAD) == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pae("", b"") == b"DSSEv1 0  0 "
    # LEN is in bytes, and the type in UTF-8.
    assert pae("ä", b"\xff") == b"DSSEv1 2 \xc3\xa4 1 \xff"


def test_the_envelope_is_that_of_the_specification(signing_key: SigningKey) -> None:
    envelope = json.loads(sign(TYPE, PAYLOAD, signing_key))
    assert envelope["payload"] == "aGVsbG8gd29ybGQ="
    assert envelope["payloadType"] == TYPE
    (signature,) = envelope["signatures"]
    assert signature["keyid"] == signing_key.id
    signing_key.private.public_key().verify(base64.b64decode(signature["sig"]), pae(TYPE, PAYLOAD))


def test_an_envelope_of_another_program_is_opened(signing_key: SigningKey) -> None:
    """Members unknown here, the other base64 alphabet, no key ids, a signature of somebody else beside ours."""
    payload = b"\xfb\xff\xfe>?"
    envelope = json.loads(sign(TYPE, payload, signing_key))
    url_safe = {name: envelope[name].translate(str.maketrans("+/", "-_")) for name in ("payload",)}
    signature = envelope["signatures"][0]["sig"].translate(str.maketrans("+/", "-_"))
    assert url_safe["payload"] != envelope["payload"]
    foreign = {"payloadType": TYPE, "signatures": [{"sig": "AAAA"}, {"sig": signature, "alg": "?"}], "extra": 1}
    opened = open_envelope(json.dumps({**url_safe, **foreign}).encode(), signing_key.public_pem)
    assert opened == (TYPE, payload)


def test_either_of_two_keys_opens_it_and_a_third_does_not(signing_key: SigningKey, other_key: SigningKey) -> None:
    envelope = sign(TYPE, PAYLOAD, signing_key)
    assert open_envelope(envelope, other_key.public_pem + signing_key.public_pem) == (TYPE, PAYLOAD)
    with pytest.raises(NotSigned, match=f"names key {signing_key.id[:8]}; trusted: {other_key.id[:8]}"):
        open_envelope(envelope, other_key.public_pem)


def test_the_id_of_a_trusted_key_does_not_make_it_trusted(signing_key: SigningKey, other_key: SigningKey) -> None:
    envelope = json.loads(sign(TYPE, PAYLOAD, other_key))
    envelope["signatures"][0]["keyid"] = signing_key.id
    with pytest.raises(NotSigned):
        open_envelope(json.dumps(envelope).encode(), signing_key.public_pem)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"payload": 1, "payloadType": "", "signatures": []}'])
def test_what_is_no_envelope_is_damaged(data: bytes, signing_key: SigningKey) -> None:
    with pytest.raises(DamagedFile, match="the envelope is damaged"):
        open_envelope(data, signing_key.public_pem)


@given(payload=st.binary(max_size=200), kind=st.text(max_size=40), data=st.data())
def test_a_changed_payload_type_or_signature_is_refused(
    payload: bytes, kind: str, data: st.DataObject, signing_key: SigningKey
) -> None:
    envelope = json.loads(sign(kind, payload, signing_key))
    assert open_envelope(json.dumps(envelope).encode(), signing_key.public_pem) == (kind, payload)
    part = data.draw(st.sampled_from(["payload", "payloadType", "sig"]))
    if part == "payloadType":
        changed = data.draw(st.text(max_size=40).filter(lambda text: text != kind))
        envelope[part] = changed
    else:
        holder = envelope if part == "payload" else envelope["signatures"][0]
        was = base64.b64decode(holder[part])
        holder[part] = base64.b64encode(data.draw(st.binary(max_size=200).filter(lambda now: now != was))).decode()
    with pytest.raises(NotSigned):
        open_envelope(json.dumps(envelope).encode(), signing_key.public_pem)


@given(data=st.data())
def test_a_changed_byte_changes_nothing_or_is_refused(data: st.DataObject, signing_key: SigningKey) -> None:
    envelope = bytearray(sign(TYPE, PAYLOAD, signing_key))
    envelope[data.draw(st.integers(0, len(envelope) - 1))] = data.draw(st.integers(0, 255))
    try:
        opened = open_envelope(bytes(envelope), signing_key.public_pem)
    except TinyopsError:
        return
    assert opened == (TYPE, PAYLOAD)
