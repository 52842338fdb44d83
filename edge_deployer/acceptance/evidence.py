"""What a board answered, as recorded. Every decision is a function of this, the reference and the plan alone."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, NonNegativeInt, model_validator

from edge_deployer.acceptance.stored_array import StoredArray
from edge_deployer.finding import AnyFinding
from edge_deployer.tensors import TensorSpec

RestartedBy = Literal["power", "reset"]
"""What makes a board start again: its supply, or a request for a reset."""


class _Evidence(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Failure(_Evidence):
    """Why a board could not be examined to the end.

    Attributes:
        kind: whose fault it looks like: the board's or its line's, or the release's.
        reason: what happened; in words in earlier records, and where somebody else's error is quoted.
    """

    kind: Literal["board", "model"]
    reason: AnyFinding


class Answers(_Evidence):
    """Answers to the first n samples of the acceptance set, in its order.

    Attributes:
        outputs: shape (n, ...), as the board stores them.
        latencies_us: microseconds the board reports for each inference; None where it cannot tell.
        seconds: time it took over the line.
    """

    outputs: StoredArray
    latencies_us: tuple[int | None, ...]
    seconds: float

    @model_validator(mode="after")
    def _one_time_each(self) -> Answers:
        if self.outputs.shape[:1] != (len(self.latencies_us),):
            raise ValueError(f"outputs of shape {self.outputs.shape} and {len(self.latencies_us)} latencies")
        return self

    def __len__(self) -> int:
        return len(self.latencies_us)


class ProductionAnswers(_Evidence):
    """Answers of the release in production, on the same board, to the first samples of the candidate's set.

    Attributes:
        image_hash: hex hash of that release.
        answers: None where it could not be asked.
        output: its output tensor; None where it is that of the candidate, or there are no answers.
        reason: why not.
    """

    image_hash: str
    answers: Answers | None = None
    output: TensorSpec | None = None
    reason: AnyFinding | None = None


class RepeatedAnswers(_Evidence):
    """Answers to some samples that the board was asked again.

    Attributes:
        samples: index of each in the acceptance set.
        outputs: shape (n, ...).
    """

    samples: tuple[NonNegativeInt, ...]
    outputs: StoredArray

    @model_validator(mode="after")
    def _one_output_each(self) -> RepeatedAnswers:
        if self.outputs.shape[:1] != (len(self.samples),):
            raise ValueError(f"outputs of shape {self.outputs.shape} for {len(self.samples)} samples")
        return self


class PowerCycle(_Evidence):
    """What a board runs once it has started again with its confirmed release.

    Attributes:
        by: ``power`` where the supply was switched, and the board says that it started by that; None after a reset, as
            in all earlier records.
        running_hash: hex hash of the image that runs.
        confirmed: whether it stays.
        outputs: answer to the first sample, shape (1, ...); None if the board gave none.
        failure: why there is no answer.
    """

    by: Literal["power"] | None = None
    running_hash: str | None = None
    confirmed: bool = False
    outputs: StoredArray | None = None
    failure: Failure | None = None


class BoardEvidence(_Evidence):
    """Everything one examination of one board found; what it did not get to is None.

    Attributes:
        board: its name in the inventory.
        profile: name of its board profile.
        failure: what ended the examination early.
        echo: whether the board echoed.
        running_hash: hex hash of the image it runs.
        arena_used: bytes, by the board's own figure.
        arena_bytes: bytes it has.
        image_limit: bytes of the largest image that its slot takes.
        smoke_seconds: from the first request to the first sample's answer.
        smoke_faults: faults in that time.
        faults: faults during the whole examination.
        last_fault: the board's words for the last one.
        answers: to the samples of the acceptance set.
        soak: to golden vectors that it was asked again, one for each time.
        repeated: to samples asked again because it differs alone.
        production: the release in production, asked before the candidate was installed.
        power_cycle: after the release was confirmed.
    """

    board: str
    profile: str
    failure: Failure | None = None
    echo: bool | None = None
    running_hash: str | None = None
    arena_used: int | None = None
    arena_bytes: int | None = None
    image_limit: int | None = None
    smoke_seconds: float | None = None
    smoke_faults: int | None = None
    faults: int | None = None
    last_fault: str | None = None
    answers: Answers | None = None
    soak: RepeatedAnswers | None = None
    repeated: RepeatedAnswers | None = None
    production: ProductionAnswers | None = None
    power_cycle: PowerCycle | None = None

    @model_validator(mode="after")
    def _repeats_what_was_answered(self) -> BoardEvidence:
        answered = len(self.answers) if self.answers is not None else 0
        if self.soak and max(self.soak.samples, default=0) >= answered:
            raise ValueError(f"the soak repeats sample {max(self.soak.samples)}; {answered} samples were answered")
        return self
