"""The catalogue as a page of the documentation, in Markdown: how components are used, and each of them."""

from __future__ import annotations

from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from pipeline.catalogue.interface import NOT_CACHEABLE, Interface


def catalogue_page(components: Sequence[Interface]) -> str:
    """The page."""
    environment = Environment(
        loader=PackageLoader("pipeline.catalogue", "."),
        undefined=StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = _cell
    return environment.get_template("page.md.j2").render(components=components, not_cacheable=NOT_CACHEABLE)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
