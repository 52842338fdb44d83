"""Where a namespace of a Kubeflow with several users may write in Kubeflow's own store, and what is deleted there.

Source: kubeflow/pipelines, manifests/kustomize/base/installs/multi-user/pipelines-profile-controller/sync.py, at tag
2.17.0 lines 465 to 492 (objects), 176 to 235 (lists) and 151 to 161 (retention).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from google.protobuf import json_format

from pipeline.kubeflow.verification.findings import Check, Finding
from pipeline.kubeflow.verification.parsed_pipeline import ParsedPipeline

_STORED: Final = re.compile(r"minio://(?P<bucket>[^/]+)/?(?P<key>.*)")
RETAINED_FOR_A_TIME: Final = "private-artifacts"
"""The prefix that ARTIFACT_RETENTION_DAYS deletes from."""


def check_multi_user(pipeline: ParsedPipeline, namespace: str) -> Check:
    """Pipeline root, and every other URI of Kubeflow's store in the file.

    Args:
        pipeline: the compiled file.
        namespace: in which the pipeline runs.
    """
    findings = [
        Finding(place, f"{uri} lies outside what namespace {namespace} may write: {', '.join(_folders(namespace))}")
        for place, uri in _stored(pipeline)
        if not is_writable(uri, namespace)
    ]
    inside = f"minio://mlpipeline/private/{namespace}"
    return Check(
        "store of the namespace",
        tuple(findings),
        remedy=f"give `kubeflow.pipeline_root` and `kubeflow.data_file` below {inside} and compile again",
        detail=namespace,
    )


def is_writable(uri: str, namespace: str) -> bool:
    """Whether a namespace may write below a URI of Kubeflow's store; other stores have rules of their own."""
    stored = _STORED.fullmatch(uri)
    return stored is None or f"{stored['key'].rstrip('/')}/".startswith(_folders(namespace))


def is_deleted_in_time(root: str) -> bool:
    """Whether ARTIFACT_RETENTION_DAYS, where it is set, deletes what lies below a URI."""
    stored = _STORED.fullmatch(root)
    # The rule's prefix ends without a slash.
    return stored is not None and stored["key"].startswith(RETAINED_FOR_A_TIME)


def _folders(namespace: str) -> tuple[str, ...]:
    return ("artifacts/", f"{RETAINED_FOR_A_TIME}/{namespace}/", f"private/{namespace}/", "shared/")


def _stored(pipeline: ParsedPipeline) -> Iterator[tuple[str, str]]:
    """Place and text of each URI: the root, defaults, constants, variables."""
    spec = json_format.MessageToDict(pipeline.spec)
    spec.pop("deploymentSpec", None)
    yield from _uris(spec, "")
    for label, executor in sorted(pipeline.executors.items()):
        yield from _uris(json_format.MessageToDict(executor), f"deploymentSpec.executors.{label}.")


def _uris(document: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(document, dict):
        for key, value in sorted(document.items()):
            yield from _uris(value, f"{place}{key}.")
    elif isinstance(document, list):
        for number, value in enumerate(document):
            yield from _uris(value, f"{place.removesuffix('.')}[{number}].")
    elif isinstance(document, str) and _STORED.fullmatch(document):
        yield place.removesuffix("."), document
