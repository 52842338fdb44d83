"""Values without quotes that Python reads as text and Kubeflow's back end does not, or the other way round."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import yaml

from pipeline.kubeflow.compilation.yaml_text import reads_as_text
from pipeline.kubeflow.verification.findings import Check, Finding

_RESOLVER: Final = yaml.resolver.Resolver()
_TEXT: Final = _RESOLVER.DEFAULT_SCALAR_TAG


def check_plain_scalars(path: Path) -> Check:
    """Every key and value of a file that is known to be YAML."""
    return Check(
        "plain values",
        tuple(_findings(path.read_bytes())),
        remedy="put it in quotes where text is meant, else write it as both read it (1.0e-3, true); or compile again",
    )


def _findings(text: bytes) -> Iterator[Finding]:
    for event in yaml.parse(text, yaml.CSafeLoader):
        # Of the two, the first says that it is neither in quotes nor has a tag.
        if isinstance(event, yaml.ScalarEvent) and event.implicit[0]:
            tag = _RESOLVER.resolve(yaml.ScalarNode, event.value, event.implicit)  # type: ignore[no-untyped-call]
            here = tag == _TEXT
            if here != reads_as_text(event.value):
                readers = ("kfp in Python", "Kubeflow's back end") if here else ("Kubeflow's back end", "kfp in Python")
                yield Finding(
                    f"line {event.start_mark.line + 1 if event.start_mark else 1}",
                    f"{event.value!r} is text for {readers[0]} and not for {readers[1]}",
                )
