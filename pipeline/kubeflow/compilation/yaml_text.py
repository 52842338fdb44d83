"""YAML that Python and Kubeflow's back end read alike: PyYAML knows version 1.1, yaml.v3 mostly 1.2."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import yaml

# gopkg.in/yaml.v3, resolve.go.
_STARTS_LIKE_A_NUMBER: Final = re.compile(r"[-+0-9]")
_NOT_TEXT: Final = re.compile(
    r"""
    ~ | null | Null | NULL | << | true | True | TRUE | false | False | FALSE | [-+]?\.(inf|Inf|INF) | \.(nan|NaN|NAN)
    | [-+]?0[xX][0-9a-fA-F]+ | [-+]?0[oO][0-7]+ | [-+]?0[bB][01]+
    | [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
    | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2}
      ([Tt][0-9:]+(\.[0-9]+)?(Z|[-+][0-9]{2}:[0-9]{2}) | \ [0-9:]+(\.[0-9]+)?)?
    """,
    re.VERBOSE,
)


class _Dumper(yaml.SafeDumper):
    """Quotes text that is none for yaml.v3, such as 1e-3; PyYAML's own quotes what is none for PyYAML."""


def _represent(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if reads_as_text(text) else "'")


_Dumper.add_representer(str, _represent)


def dump(documents: Iterable[Any]) -> str:
    """Documents as text; the same contents give the same text."""
    return str(yaml.dump_all(documents, Dumper=_Dumper, sort_keys=True, width=120))


def reads_as_text(value: str) -> bool:
    """Whether Kubeflow's back end reads a value without quotes as text."""
    plain = value.replace("_", "") if _STARTS_LIKE_A_NUMBER.match(value) else value
    return value != "" and not _NOT_TEXT.fullmatch(plain)
