"""A schema as text, which people review. Imports nothing heavy."""

from __future__ import annotations

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from edge_deployer.errors import TinyopsError


def parse_schema(text: str, what: str) -> schema_pb2.Schema:
    """Read a schema in protobuf's text format.

    Args:
        text: the schema.
        what: the schema in words, with the path of its file, for the message.

    Raises:
        TinyopsError: it is none, or names no feature.
    """
    try:
        schema: schema_pb2.Schema = text_format.Parse(text, schema_pb2.Schema())
    except text_format.ParseError as error:
        raise TinyopsError(
            f"{what} is no schema in protobuf's text format: {error}",
            remedy="correct it, or write it anew with `tinyops schema update`",
        ) from error
    if not schema.feature:
        raise TinyopsError(f"{what} names no feature", remedy="write it anew with `tinyops schema update`")
    return schema


def schema_text(schema: schema_pb2.Schema) -> str:
    """What `parse_schema` reads."""
    return str(text_format.MessageToString(schema))
