"""What the docstrings of component classes say: ours, and TFX's, which are Markdown for TFX's own pages."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from itertools import takewhile
from typing import Final

from docstring_parser import DocstringStyle, parse

# What follows the description: outputs, examples, and advice for users of TFX's own constructors.
_NOT_DESCRIPTION: Final = ("#", "!!!", "Outputs:", "Component `outputs`", "An example")

# It says nothing but the component's name.
_EMPTY_TITLE: Final = re.compile(r"Official TFX \w+ component\.")

# Where prose ends: paragraph, source code, list.
_END: Final = re.compile(r"\n\n|```|(?:^|\n) *- ")

_OUTPUT: Final = (
    re.compile(r"^    (?P<name>\w+): (?P<text>.+(?:\n {8}.+)*)", re.MULTILINE),  # below "Outputs:"
    re.compile(r"^ *- `(?P<name>\w+)`: (?P<text>.+(?:\n +(?!- ).+)*)", re.MULTILINE),  # TFX's list
)

_MARKDOWN: Final = (
    (re.compile(r"\[([^\]]+)\]\s?[\[(][^\])]+[\])]|\[(`?[\w.]+`?)\]"), r"\1\2"),  # a link
    (re.compile(r"_required_\.?"), ""),
    (re.compile(r"``"), "`"),
    (re.compile(r"\s+"), " "),
    # What is meant for TFX's own developers or for pipelines that TFX compiles, and the type, which the spec has.
    (re.compile(r"TODO\(.*| \(or RuntimeParameter\)"), ""),
    (re.compile(r"Use of a RuntimeParameter for this argument is experimental\."), ""),
    (
        re.compile(r"^ ?(An? )?(optional )?(Base)?Channel of type `standard_artifacts\.\w+`[,.]?( for| which)? (?=\w)"),
        "",
    ),
)


def description(kind: type) -> list[str]:
    """What a component does, a paragraph an item."""
    paragraphs = _doc(kind).split("\n\n")
    wanted = takewhile(lambda paragraph: not paragraph.startswith(_NOT_DESCRIPTION), paragraphs)
    prose = (_prose(paragraph) for paragraph in wanted if not _EMPTY_TITLE.fullmatch(paragraph))
    return [paragraph for paragraph in prose if paragraph]


def arguments(kind: type) -> dict[str, str]:
    """What each argument of the constructor is, those of the constructors that it calls included."""
    found: dict[str, str] = {}
    for base in reversed(inspect.getmro(kind)):
        if "__init__" in vars(base):
            documented = parse(base.__init__.__doc__ or "", style=DocstringStyle.GOOGLE).params
            found |= {one.arg_name: _prose(one.description or "") for one in documented}
    return found


def outputs(kind: type) -> dict[str, str]:
    """What each output is."""
    return dict(_outputs(_doc(kind)))


def _outputs(doc: str) -> Iterator[tuple[str, str]]:
    for pattern in _OUTPUT:
        for found in pattern.finditer(doc):
            yield found["name"], _plain(found["text"])


def _doc(kind: type) -> str:
    return inspect.cleandoc(kind.__doc__ or "")


def _prose(text: str) -> str:
    """The first paragraph, without a list or source code in TFX's and the sentence that leads there."""
    first, *rest = _END.split(text, 1)
    plain = _plain(first)
    if plain.endswith(".") or not (rest or plain.endswith(":")):
        return plain
    return plain[: plain.rfind(".") + 1]


def _plain(text: str) -> str:
    for pattern, replacement in _MARKDOWN:
        text = pattern.sub(replacement, text)
    return text.strip()
