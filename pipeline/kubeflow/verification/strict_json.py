"""Reads JSON into a protobuf message, and names every place that does not fit.

`google.protobuf.json_format` stops at the first one, and Kubeflow's back end drops what it does not know in a
deploymentSpec (backend/src/v2/compiler/visitor.go, GetDeploymentConfig), so that a misspelt field would go unnoticed.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from pipeline.kubeflow.verification.findings import Finding

_OWN_JSON = "google.protobuf."
"""Messages of this package have a JSON form of their own, Struct for example, and are read whole."""


def read_strictly(document: Any, message: Message, place: str) -> Iterator[Finding]:
    """Fill a message with what fits; yield what does not."""
    if not isinstance(document, dict):
        yield Finding(place, f"a mapping belongs here, not {document!r}")
        return
    for key, value in document.items():
        here = f"{place}.{key}" if place else str(key)
        field = _field(message.DESCRIPTOR, key)
        if field is None:
            yield Finding(here, _unknown(key, message.DESCRIPTOR))
        elif value is not None:
            yield from _read_field(field, key, value, message, here)


def _read_field(field: FieldDescriptor, key: str, value: Any, message: Message, place: str) -> Iterator[Finding]:
    choice = field.containing_oneof
    other = choice and message.WhichOneof(choice.name)
    if other and other != field.name:
        name = message.DESCRIPTOR.fields_by_name[other].json_name
        yield Finding(place, f"{name} is given too, and only one of them may be")
    elif _is_map(field):
        yield from _read_map(field, key, value, message, place)
    elif not _has_fields(field):
        yield from _read_value(key, value, message, place)
    elif field.label == FieldDescriptor.LABEL_REPEATED:
        yield from _read_list(field, value, message, place)
    else:
        part = getattr(message, field.name)
        part.SetInParent()
        yield from read_strictly(value, part, place)


def _read_map(field: FieldDescriptor, key: str, value: Any, message: Message, place: str) -> Iterator[Finding]:
    if not isinstance(value, dict):
        yield Finding(place, f"a mapping belongs here, not {value!r}")
        return
    for name, entry in value.items():
        here = f"{place}.{name}"
        if not isinstance(name, str):
            yield Finding(here, f"the key {name!r} is no text; put it in quotes")
        elif _has_fields(field.message_type.fields_by_name["value"]):
            yield from read_strictly(entry, getattr(message, field.name)[name], here)
        else:
            # json_format empties a map before it fills it.
            one = type(message)()
            yield from _read_value(key, {name: entry}, one, here)
            message.MergeFrom(one)


def _read_list(field: FieldDescriptor, value: Any, message: Message, place: str) -> Iterator[Finding]:
    if not isinstance(value, list):
        yield Finding(place, f"a list belongs here, not {value!r}")
        return
    for number, entry in enumerate(value):
        yield from read_strictly(entry, getattr(message, field.name).add(), f"{place}[{number}]")


def _read_value(key: str, value: Any, message: Message, place: str) -> Iterator[Finding]:
    try:
        json_format.ParseDict({key: value}, message)
    except json_format.ParseError as error:
        yield Finding(place, f"{value!r} does not fit: {error}")


def _field(descriptor: Descriptor, key: Any) -> FieldDescriptor | None:
    return next((field for field in descriptor.fields if key in (field.json_name, field.name)), None)


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _has_fields(field: FieldDescriptor) -> bool:
    return field.message_type is not None and not field.message_type.full_name.startswith(_OWN_JSON)


def _unknown(key: Any, descriptor: Descriptor) -> str:
    known = [field.json_name for field in descriptor.fields]
    close = get_close_matches(str(key), known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(sorted(known)) or 'none'}"
    return f"{descriptor.name} has no such field; {hint}"
