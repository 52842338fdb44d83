"""Schemas of real statistics, inferred and updated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge_deployer.errors import TinyopsError
from tests.components.data_gate.made_statistics import statistics_of


def split(count: int = 100, *, values: int = 4, scale: float = 1.0, groups: Any = None) -> Any:
    random = np.random.default_rng(count)
    return statistics_of(random.normal(0, scale, (count, values)), random.integers(0, 3, count), groups)


@pytest.mark.parametrize("numbered", [False, True])
def test_it_has_types_and_shapes_and_no_list_of_words(numbered: bool) -> None:
    from tensorflow_metadata.proto.v0 import schema_pb2

    from components.data_gate.statistics import anomalies
    from components.project_schema.inference import schema_of

    groups = [number % 7 if numbered else f"person-{number % 7}" for number in range(100)]
    train, held_out = split(groups=groups), split(50, groups=groups[:50])
    schema = schema_of([train, held_out])
    features = {feature.name: feature for feature in schema.feature}
    assert [features[name].type for name in ("input", "label")] == [schema_pb2.FLOAT, schema_pb2.INT]
    assert [dim.size for dim in features["input"].shape.dim] == [4]
    assert not schema.string_domain
    newcomer = split(60, groups=[99 if numbered else "somebody else"] * 60)
    for statistics in (train, held_out, newcomer):
        assert not list(anomalies(statistics, schema, "a split"))


def test_an_update_keeps_what_the_data_fits_and_changes_what_it_does_not() -> None:
    from components.data_gate.statistics import anomalies
    from components.project_schema.inference import schema_of
    from components.project_schema.schema_text import parse_schema, schema_text

    schema = schema_of([split()])
    schema.feature[0].float_domain.min, schema.feature[0].float_domain.max = -100, 100
    schema.feature[0].annotation.comment.append("metres per second squared")
    text = schema_text(schema)
    assert schema_text(schema_of([split(80)], before=parse_schema(text, "it"))) == text
    wider = split(values=5)
    updated = schema_of([wider], before=parse_schema(text, "it"))
    assert not list(anomalies(wider, updated, "train"))
    assert [dim.size for dim in updated.feature[0].shape.dim] == [5]
    assert updated.feature[0].float_domain.max == 100
    assert list(updated.feature[0].annotation.comment) == ["metres per second squared"]


@pytest.mark.parametrize(("text", "said"), [("feature { nam: 1 }", "is no schema"), ("", "names no feature")])
def test_text_that_is_no_schema_is_refused(text: str, said: str) -> None:
    from components.project_schema.schema_text import parse_schema

    with pytest.raises(TinyopsError, match=said) as refused:
        parse_schema(text, "schema a/schema.pbtxt")
    assert "a/schema.pbtxt" in refused.value.message
    assert "tinyops schema update" in refused.value.remedy
