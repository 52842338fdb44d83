"""What the process that runs the pipeline tells the one that shows it: a JSON object a line."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TextIO, get_args


@dataclass(frozen=True)
class Launched:
    """The project is right, and the process that runs it begins its imports."""


@dataclass(frozen=True)
class Warned:
    """Something that a user should look at; nothing ends because of it."""

    message: str


@dataclass(frozen=True)
class Planned:
    """The pipeline stands; `components` are its nodes in the order they run."""

    components: list[str]


@dataclass(frozen=True)
class Started:
    """A component runs now."""

    component: str


@dataclass(frozen=True)
class Progressed:
    """A component says what it is doing."""

    component: str
    activity: str


@dataclass(frozen=True)
class Finished:
    """A component is done. `outcome` is what came out, in a phrase; `cached` if it came out of the cache."""

    component: str
    cached: bool
    outcome: str


@dataclass(frozen=True)
class Decided:
    """How the model fared, before anything is written: `deployment` is the record as JSON, without boards' answers."""

    deployment: str


@dataclass(frozen=True)
class Stopped:
    """A signal ended the pipeline. `left` is what the boards run; empty if none was asked."""

    left: str


@dataclass(frozen=True)
class Failed:
    """The pipeline ends here. `remedy` is empty where there is none but to read the log; `refused` as in `Refused`."""

    message: str
    remedy: str
    refused: bool = False


@dataclass(frozen=True)
class Concluded:
    """All components are done; `report` is the folder of the report, which says how it ended."""

    report: str


Event = Launched | Warned | Planned | Started | Progressed | Finished | Decided | Stopped | Failed | Concluded

_KINDS = {kind.__name__: kind for kind in get_args(Event)}


def write_event(event: Event, stream: TextIO) -> None:
    """Send an event. Whoever listened may be gone, which must not disturb what is done then."""
    with suppress(BrokenPipeError):
        stream.write(json.dumps({"kind": type(event).__name__, **asdict(event)}) + "\n")
        stream.flush()


def parse_event(line: str) -> Event:
    """The event that `write_event` wrote as this line."""
    fields = json.loads(line)
    event: Event = _KINDS[fields.pop("kind")](**fields)
    return event
