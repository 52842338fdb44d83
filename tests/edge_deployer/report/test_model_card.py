"""Model cards: what is known is in them, and nothing else is."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from edge_deployer.errors import TinyopsError
from edge_deployer.release.data_findings import GateResult, NotMeasured
from edge_deployer.release.front_end import FrontEndFacts
from edge_deployer.release.model_card import ModelCard, StatedUse, card_schema
from edge_deployer.report.facts import AnomalyFacts, SliceFacts
from edge_deployer.report.model_card import model_card, render_card
from edge_deployer.report.words import in_words
from tests.edge_deployer.cards import card, known_facts
from tests.edge_deployer.report import sample_reports

PUBLISHED = Path(__file__).parents[3] / "docs" / "model_card.schema.json"
UNKNOWN: dict[str, Any] = {"data": None, "front_end": None, "evaluation": None, "conversion": None, "gates": ()}


def limits(**changed: Any) -> Sequence[str]:
    return [in_words(limit) for limit in model_card(known_facts(**changed)).limits]


def unlabelled() -> Any:
    report = sample_reports.validation()
    return report.model_copy(update={"figures": {}, "task": None, "latency_us": None, "arena_bytes": None})


def test_the_published_schema_is_current_and_cards_hold_to_it() -> None:
    command = "tinyops releases card-schema > docs/model_card.schema.json"
    assert PUBLISHED.read_text() == card_schema(), f"write it again: {command}"
    schema = json.loads(card_schema())
    Draft202012Validator.check_schema(schema)
    for files in (card(), card(**UNKNOWN), card(**UNKNOWN, validation=unlabelled())):
        Draft202012Validator(schema).validate(json.loads(files.card.to_json()))
        assert ModelCard.from_json(files.card.to_json()) == files.card


def test_what_is_known_is_in_it() -> None:
    facts = known_facts(groups={"train": 5, "eval": 1})
    made = model_card(facts)
    assert made.data is not None
    assert made.quality is not None
    assert facts.data is not None
    assert {split.name: split.samples for split in made.data.splits} == facts.data.splits
    assert made.data.splits[0].classes["0"] == 144
    assert [split.groups for split in made.data.splits] == [5, 1]
    assert made.quality.figures[0].least == 0.975
    assert made.quality.samples == sum(facts.data.class_counts["eval"])
    assert made.budgets.latency_limits_us == {"p95": 200_000}


def test_the_same_facts_give_the_same_bytes_and_earlier_runs_are_not_among_them() -> None:
    drift = GateResult(gate="value_drift", level="not measured", finding=NotMeasured(why="same_data"))
    facts = known_facts()
    assert facts.data is not None
    assert facts.evaluation is not None
    later = {
        "gates": [*facts.gates, drift],
        "data": facts.data.model_copy(update={"earlier_scale": None}),
        "evaluation": facts.evaluation.model_copy(update={"baseline": 0.5}),
    }
    assert card(**later).parts() == card().parts()


def test_nothing_is_said_of_what_is_not_known() -> None:
    assert limits(**UNKNOWN, validation=unlabelled()) == ["nothing was measured of how good the answers are"]
    page = card(**UNKNOWN, validation=unlabelled()).page
    for heading in ("Use", "Figures", "Data"):
        assert f"<h2>{heading}" not in page
        assert f">{heading}</h2>" not in page
    assert "Latency" not in page
    assert "Arena" not in page
    assert "None" not in page


def test_limits_follow_from_the_facts() -> None:
    facts = known_facts()
    assert facts.data is not None
    assert facts.evaluation is not None
    told = limits(
        data=facts.data.model_copy(
            update={
                "group": None,
                "shared": 3,
                "conflicting": 2,
                "records": 1000,
                "class_counts": {"train": [100] * 10, "eval": [40] * 9 + [0]},
                "anomalies": {
                    "corrupt": AnomalyFacts(count=7, left_out=True, records={}),
                    "silent": AnomalyFacts(count=9, left_out=False, records={}),
                },
            }
        ),
        evaluation=facts.evaluation.model_copy(
            update={
                "examples": 360,
                "slices": [
                    SliceFacts(name="label 3", examples=40, figure=0.9),
                    SliceFacts(name="label 4", examples=12, figure=0.95),
                ],
            }
        ),
        front_end=FrontEndFacts(name="none", version="1", on_board=False),
    )
    assert told[0] == "the figures rest on 360 held-out samples"
    assert told[1].startswith(
        "of all slices label 3 is the worst: accuracy 90.0\u202f% on 40 samples, 98.1\u202f% over all"
    )
    assert told[2] == "slice label 4 has the fewest held-out samples, 12"
    assert told[3].startswith("the data names no groups")
    assert told[4] == "no held-out sample is of 9: nothing was measured of that"
    assert told[5] == "3 held-out samples stand in training, too"
    assert told[6] == "2 samples have equal inputs and different labels"
    assert told[7] == "7 of 1\u202f000 records were left out: corrupt"
    assert told[8] == "boards do not compute the features: the host does"


def test_a_group_that_is_held_out_is_told_with_its_number() -> None:
    facts = known_facts()
    assert facts.data is not None
    told = limits(data=facts.data.model_copy(update={"group": "speaker"}), groups={"train": 5, "eval": 1})
    assert told[0].endswith("held-out samples, of 1 value of speaker")
    assert "no value of speaker stands in two splits: the figures are of such as training has not seen" in told


def test_of_errors_the_greatest_is_the_worst() -> None:
    report = sample_reports.refused_regression()
    assert report.evaluation is not None
    slices = [SliceFacts(name="a", examples=9, figure=1.0), SliceFacts(name="b", examples=8, figure=70.0)]
    told = limits(data=report.data, evaluation=report.evaluation.model_copy(update={"slices": slices}))
    assert any(line.startswith("of all slices b is the worst: mae 70") for line in told)


@given(st.text(min_size=1).filter(str.strip))
def test_what_people_wrote_is_shown_as_given_and_escaped(text: str) -> None:
    hostile = f"<script>alert(1)</script>{text}"
    made = model_card(known_facts(stated=StatedUse(intended_use=hostile), name="<b>digits</b>"))
    page = render_card(made)
    assert ModelCard.from_json(made.to_json()).stated == made.stated
    assert made.stated.intended_use is not None
    assert made.stated.intended_use.startswith(hostile.rstrip()[:-1])
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<b>digits" not in page


def test_the_page_needs_nothing_but_itself() -> None:
    page = card(stated=StatedUse(contact="https://example.org", intended_use="a\nb")).page
    assert not re.search(r"""(src|href)=|url\(|@import""", page)
    assert "default-src 'none'" in page
    assert "a<br>b" in page


def test_a_card_of_another_version_is_told() -> None:
    content = json.loads(card().card.to_json())
    with pytest.raises(TinyopsError, match=r"model_card\.json"):
        ModelCard.from_json(json.dumps({**content, "schema_version": 2}).encode())
