from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from pipeline.local.display import RunDisplay
from pipeline.local.events import (
    Concluded,
    Event,
    Failed,
    Finished,
    Launched,
    Planned,
    Progressed,
    Started,
    Warned,
    parse_event,
    write_event,
)

STORY = [
    Warned("split eval has no samples of class [b]"),
    Launched(),
    Planned(["Trainer", "TFLMEvaluator", "TFLMPusher"]),
    Started("Trainer"),
    Finished("Trainer", cached=True, outcome="12 epochs [bold]"),
    Started("TFLMEvaluator"),
    Finished("TFLMEvaluator", cached=False, outcome="accuracy 0.98, blessed"),
    Started("TFLMPusher"),
    Progressed("TFLMPusher", "stage-1: upload"),
]

texts = st.text()
events = st.one_of(
    st.just(Launched()),
    st.builds(Planned, st.lists(texts)),
    st.builds(Started, texts),
    st.builds(Progressed, texts, texts),
    st.builds(Warned, texts),
    st.builds(Finished, texts, st.booleans(), texts),
    st.builds(Failed, texts, texts),
    st.builds(Concluded, texts),
)


@given(events)
def test_an_event_survives_the_pipe(event: Event) -> None:
    stream = io.StringIO()
    write_event(event, stream)
    assert stream.getvalue().count("\n") == 1
    assert parse_event(stream.getvalue()) == event


def shown(story: list[Event], *, terminal: bool) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=100)
    with RunDisplay(console) as display:
        for event in story:
            display.on_event(event)
    return console.file.getvalue()


def test_plain_lines_where_there_is_no_terminal() -> None:
    lines = shown(STORY, terminal=False).splitlines()
    assert lines.pop(0) == "warning: split eval has no samples of class [b]"
    assert lines[1].split() == ["Trainer", "cached", "12", "epochs", "[bold]"]
    assert lines[2].startswith("TFLMEvaluator")
    assert "accuracy 0.98, blessed" in lines[2]
    assert lines[3] == "  TFLMPusher: stage-1: upload"
    assert not any("\x1b" in line for line in lines)


@pytest.mark.parametrize("words", ["cached", "accuracy 0.98, blessed", "stage-1: upload", "12 epochs [bold]"])
def test_a_row_a_component_on_a_terminal(words: str) -> None:
    assert words in shown(STORY, terminal=True)


def test_the_component_that_failed() -> None:
    display = RunDisplay(Console(file=io.StringIO()))
    for event in [*STORY, Failed("boom", "")]:
        display.on_event(event)
    assert display.rows["TFLMPusher"].state == "failed"
    assert display.rows["Trainer"].state == "cached"


@pytest.mark.parametrize("terminal", [True, False])
def test_a_warning_stays_in_sight(terminal: bool) -> None:
    text = shown([*STORY, Warned("warning: [bold] is no markup")], terminal=terminal)
    assert "warning: [bold] is no markup" in text
