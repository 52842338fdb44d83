"""Files that may lie in an object store: `s3://`, Kubeflow's `minio://` (which speaks S3), `gs://`; or on this machine.

S3 is boto3's, which finds keys and address in the environment: ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``,
``AWS_ENDPOINT_URL``. All else is Beam's, whose own way to S3 tries for ten minutes before it says that nobody answers.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import boto3
from apache_beam.io.filesystem import BeamIOError, FileSystem
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from edge_deployer.errors import TinyopsError

_SCHEME: Final = re.compile(r"^[a-z0-9]+://")
_S3: Final = re.compile(r"^(?:s3|minio)://(?P<bucket>[^/]+)/(?P<key>.*)$")
_WILDCARD: Final = "*"


def find(pattern: str) -> list[str]:
    """Paths that match a pattern, sorted.

    Args:
        pattern: a path or URI; ``*`` stands for anything but a slash, ``**`` for anything.

    Raises:
        TinyopsError: the store does not answer, or refuses.
    """
    try:
        s3 = _S3.match(pattern)
        if s3:
            wanted = re.compile(FileSystem.translate_pattern(s3["key"]))
            root = pattern.removesuffix(s3["key"])
            return sorted(f"{root}{key}" for key in _s3_keys(s3) if wanted.fullmatch(key))
        (result,) = _file_system(pattern).match([pattern])
    except (BeamIOError, BotoCoreError, ClientError) as error:
        raise _unreadable(pattern, error) from error
    return sorted(found.path for found in result.metadata_list)


def read(path: str) -> bytes:
    """Contents of a file.

    Raises:
        TinyopsError: there is no such file, or the store does not answer.
    """
    try:
        s3 = _S3.match(path)
        if s3:
            return bytes(_s3_client().get_object(Bucket=s3["bucket"], Key=s3["key"])["Body"].read())
        with _file_system(path).open(path) as file:
            return bytes(file.read())
    except (BeamIOError, BotoCoreError, ClientError, OSError) as error:
        raise _unreadable(path, error) from error


@contextmanager
def local_copy(path: str) -> Iterator[Path]:
    """The file on this machine: itself, or a copy for as long as the block lasts.

    Raises:
        TinyopsError: the file lies in an object store and cannot be read there.
    """
    if not _SCHEME.match(path):
        yield Path(path)
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, path.rpartition("/")[2])
        copy.write_bytes(read(path))
        yield copy


def _s3_keys(pattern: re.Match[str]) -> Iterator[str]:
    pages = _s3_client().get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=pattern["bucket"], Prefix=pattern["key"].partition(_WILDCARD)[0]):
        yield from (found["Key"] for found in page.get("Contents", []))


def _s3_client() -> Any:
    return boto3.client("s3", config=Config(connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 3}))


def _file_system(path: str) -> FileSystem:
    """Beam's for the path. Not by `FileSystems.open`, whose options belong to whatever pipeline was built last."""
    scheme = FileSystems.get_scheme(path)
    known = {kind.scheme(): kind for kind in FileSystem.get_all_subclasses()}
    if scheme not in known:
        raise TinyopsError(
            f"{path} is in no object store that is known here", remedy="give a path, or a URI with gs, s3 or minio"
        )
    return known[scheme](PipelineOptions([]))


def _unreadable(path: str, error: Exception) -> TinyopsError:
    cause = error
    while isinstance(cause, BeamIOError) and cause.exception_details:
        # Beam wraps what its stores raise, once for each operation on the way.
        cause = next(iter(cause.exception_details.values()))
    return TinyopsError(
        f"{path} cannot be read: {cause}",
        remedy="check the address, and the store's keys and endpoint in the environment (AWS_ACCESS_KEY_ID, "
        "AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL; for gs:// the service account)",
    )
