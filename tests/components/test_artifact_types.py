"""The artifact types as TFX writes them into a compiled Kubeflow pipeline."""

from __future__ import annotations

import pytest
import yaml


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("HtmlReport", "system.HTML"),
        ("MarkdownReport", "system.Markdown"),
        ("DeploymentReport", "tinyops.DeploymentReport"),
        ("AcceptanceSet", "tinyops.AcceptanceSet"),
    ],
)
def test_a_type_has_the_title_that_kubeflow_knows_it_by(name: str, title: str) -> None:
    """The two that Kubeflow's page shows are kfp's own: `kfp.dsl.HTML` and `kfp.dsl.Markdown`."""
    from kfp import dsl
    from tfx.orchestration.kubeflow.v2.compiler_utils import get_artifact_schema

    from components import artifact_types

    assert yaml.safe_load(get_artifact_schema(getattr(artifact_types, name)))["title"] == title
    own = {"HtmlReport": dsl.HTML, "MarkdownReport": dsl.Markdown}.get(name)
    assert own is None or own.schema_title == title
