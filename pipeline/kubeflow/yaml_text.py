"""YAML that readers of either version take alike: Kubeflow's back end and Kubernetes read 1.2, PyYAML writes 1.1."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Quotes text that is a number in YAML 1.2 only, such as 1e-3."""


# Core schema of YAML 1.2.2, section 10.3.2.
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$"),
    list("-+.0123456789"),
)
_Dumper.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^(0o[0-7]+|0x[0-9a-fA-F]+)$"), ["0"])


def dump(documents: Iterable[Any]) -> str:
    """Documents as text; the same contents give the same text."""
    return str(yaml.dump_all(documents, Dumper=_Dumper, sort_keys=True, width=120))
