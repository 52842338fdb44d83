"""Files that may lie in an object store: `s3://`, Kubeflow's `minio://` (which speaks S3), `gs://`; or on this machine.

S3 is boto3's, which finds keys and address in the environment: ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``,
``AWS_ENDPOINT_URL``. `gs://` is Beam's, whose own way to S3 tries for ten minutes before it says that nobody answers.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, Final

import boto3
from apache_beam.io.filesystem import BeamIOError, FileSystem
from apache_beam.io.gcp.gcsfilesystem import GCSFileSystem
from apache_beam.options.pipeline_options import PipelineOptions
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError

from edge_deployer.errors import TinyopsError

_SCHEME: Final = re.compile(r"^[a-z0-9]+://")
_S3: Final = re.compile(r"^(?:s3|minio)://(?P<bucket>[^/]+)/(?P<key>.*)$")

_S3_ENVIRONMENT: Final = (
    *("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    *("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"),
)
_BLOCK: Final = 1 << 20
_ERRORS: Final = (BeamIOError, BotoCoreError, ClientError, GoogleAPIError, GoogleAuthError, OSError)
"""What the stores' libraries raise; those of connections are OSErrors."""


@dataclass(frozen=True)
class StoredFile:
    """A file below a folder of an object store."""

    name: str  # Below the folder, with ``/``.
    size: int  # Bytes.
    changed: str  # Another one after each change of the contents: S3's ETag, or the time.


def stored_files(folder: str) -> list[StoredFile]:
    """All files below a URI, sorted by name.

    Raises:
        TinyopsError: the store does not answer, or refuses.
    """
    folder = folder.rstrip("/")
    s3 = _S3.match(f"{folder}/")
    try:
        if s3:
            found = [
                StoredFile(stored["Key"].removeprefix(s3["key"]), stored["Size"], stored["ETag"])
                for stored in _s3_objects(s3)
            ]
        else:
            (result,) = _beam(folder).match([f"{folder}/**"])
            found = [
                StoredFile(file.path.removeprefix(f"{folder}/"), file.size_in_bytes, str(file.last_updated_in_seconds))
                for file in result.metadata_list
            ]
    except _ERRORS as error:
        raise _unreadable(folder, error) from error
    return sorted((file for file in found if not file.name.endswith("/")), key=lambda file: file.name)


def find(folder: str, name: str) -> list[str]:
    """Files of a name anywhere in a folder, sorted. A folder that is not there has none.

    Raises:
        TinyopsError: the store does not answer, or refuses.
    """
    if not _SCHEME.match(folder):
        return sorted(str(path) for path in Path(folder).rglob(name))
    s3 = _S3.match(f"{folder}/")
    try:
        if s3:
            store = s3.string[: s3.start("key")]
            keys = (stored["Key"] for stored in _s3_objects(s3))
            return sorted(f"{store}{key}" for key in keys if key.endswith(f"/{name}"))
        (result,) = _beam(folder).match([f"{folder}/**/{name}"])
    except _ERRORS as error:
        raise _unreadable(folder, error) from error
    return sorted(found.path for found in result.metadata_list)


def require_answer(folder: str) -> None:
    """Make sure that a folder can be looked into, whatever is in it.

    Raises:
        TinyopsError: the store does not answer, or refuses.
    """
    s3 = _S3.match(f"{folder}/")
    try:
        if s3:
            _s3_client().list_objects_v2(Bucket=s3["bucket"], Prefix=s3["key"], MaxKeys=1)
        else:
            _beam(folder).match([f"{folder}/*"], limits=[1])
    except _ERRORS as error:
        raise _unreadable(folder, error) from error


def read(path: str) -> bytes:
    """Contents of a small file.

    Raises:
        TinyopsError: there is no such file, or the store does not answer.
    """
    if not _SCHEME.match(path):
        try:
            return Path(path).read_bytes()
        except OSError as error:
            raise _unreadable(path, error) from error
    contents = io.BytesIO()
    _copy(path, contents)
    return contents.getvalue()


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
        with copy.open("wb") as file:
            _copy(path, file)
        yield copy


def _copy(path: str, to: IO[bytes]) -> None:
    """Copy a stored file block by block: it may be larger than memory."""
    s3 = _S3.match(path)
    try:
        if s3:
            for block in _s3_client().get_object(Bucket=s3["bucket"], Key=s3["key"])["Body"].iter_chunks(_BLOCK):
                to.write(block)
        else:
            with _beam(path).open(path) as file:
                shutil.copyfileobj(file, to, _BLOCK)
    except _ERRORS as error:
        raise _unreadable(path, error) from error


def _s3_objects(folder: re.Match[str]) -> Iterator[dict[str, Any]]:
    pages = _s3_client().get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=folder["bucket"], Prefix=folder["key"]):
        yield from page.get("Contents", [])


def _s3_client() -> Any:
    """The environment's. Making one takes as long as many small files."""
    return _s3_client_of(*map(os.environ.get, _S3_ENVIRONMENT))


@lru_cache(maxsize=1)
def _s3_client_of(*environment: str | None) -> Any:
    del environment  # What boto3 reads by itself.
    return boto3.client("s3", config=Config(connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 3}))


def _beam(uri: str) -> FileSystem:
    """Beam's for the URI. Not by `FileSystems.open`, whose options belong to whatever pipeline was built last."""
    if not uri.startswith(f"{GCSFileSystem.scheme()}://"):
        raise TinyopsError(f"{uri} is in no object store that is known here", remedy="use gs, s3 or minio, or a path")
    return GCSFileSystem(PipelineOptions([]))


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
