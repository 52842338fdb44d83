"""Keys that a mapping has twice: the back end's YAML refuses them (gopkg.in/yaml.v3), Python's takes the last."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from pipeline.kubeflow.verification.findings import Check, Finding


def check_keys(path: Path) -> Check:
    """Every mapping of a file that is known to be YAML."""
    documents = yaml.compose_all(path.read_bytes(), yaml.CSafeLoader)
    findings = tuple(finding for document in documents for finding in _twice(document))
    return Check("keys", findings, remedy="leave one of the two, or compile the pipeline again")


def _twice(node: yaml.Node) -> Iterator[Finding]:
    children = node.value if isinstance(node, yaml.CollectionNode) else []
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                yield Finding(f"line {key.start_mark.line + 1}", f"the mapping has the key {key.value!r} twice")
            seen.add(key.value)
        children = [value for _, value in node.value]
    for child in children:
        yield from _twice(child)
