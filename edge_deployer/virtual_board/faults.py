"""What goes wrong with a virtual board, and when: a plan that a file or a control command gives.

Every draw comes from a `random.Random` seeded with the plan's seed and the name of the place, so that the same plan
does the same to the same traffic.
"""

from __future__ import annotations

import math
import random
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, ValidationError

from edge_deployer.field_errors import describe_validation_error
from edge_deployer.files import read_yaml

# Further than any line's traffic; a tiny probability would make the gap infinite.
_FAR = 1e18
Number = Annotated[int, Field(ge=1, le=10**18)]
Probability = Annotated[float, Field(ge=0, le=1)]


class FaultKind(str, Enum):
    """Under these names injected faults are counted."""

    BIT_FLIP = "bit_flip"
    LOST_BYTE = "lost_byte"
    SHORT_READ = "short_read"
    VANISH = "vanish"
    LATE_REPLY = "late_reply"
    DUPLICATE_REPLY = "duplicate_reply"
    STUCK = "stuck"
    RESET = "reset"
    TFLM_CRASH = "tflm_crash"
    FALSE_HASH = "false_hash"
    WRONG_OUTPUT = "wrong_output"
    POWER_CUT = "power_cut"
    SLOW_FLASH = "slow_flash"


class _Part(BaseModel):
    # A plan goes to the firmware as JSON, which has no infinity, through memory of a fixed size.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class LineNoise(_Part):
    """Damage in one direction of the line."""

    bit_flips: Probability = Field(default=0.0, description="probability that a bit arrives inverted, each of 8 a byte")
    lost_bytes: Probability = Field(default=0.0, description="probability that a byte does not arrive")


class LateReplies(_Part):
    """Answers that come late, and with them all that follows."""

    probability: Probability
    seconds: PositiveFloat


class Vanish(_Part):
    """The pty closes, and another one comes under the link `line`."""

    after_bytes: Number = Field(description="bytes on the line, both ways together, since the plan was set")
    seconds: float = Field(default=1.0, ge=0, description="until the new pty is there")


class Stuck(_Part):
    """The firmware stops, once."""

    request: Number = Field(description="the request before which it stops; 1 is the plan's first")
    seconds: PositiveFloat | None = Field(default=None, description="until it goes on; none: until it is reset")
    watchdog_s: PositiveFloat | None = Field(
        default=None, description="seconds after which a watchdog resets it, reason FAULT"
    )


class Reset(_Part):
    """The firmware resets, once."""

    request: Number = Field(description="the request at which it resets; 1 is the plan's first")
    when: Literal["before", "after"] = Field(
        default="before", description="before the request is handled, or after, when only its answer is lost"
    )


class TflmCrash(_Part):
    """TFLM dies, once."""

    inference: Number = Field(description="the sample that kills it; 1 is the plan's first")
    signal: Literal["SIGSEGV", "SIGABRT"] = "SIGSEGV"


class PowerCutAt(_Part):
    """Power goes inside a flash operation, once, and comes back at once."""

    operation: Number = Field(description="the write or page erase in which it goes; 1 is the plan's first")
    share: float = Field(default=0.0, ge=0, lt=1, description="of the operation that is done by then")


class FaultPlan(_Part):
    """What goes wrong. An empty plan is a healthy board. Counts begin when the plan is set and survive resets."""

    seed: Annotated[int, Field(ge=-(10**18), le=10**18)] = 0
    to_board: LineNoise = LineNoise()
    to_client: LineNoise = LineNoise()
    short_reads: Number | None = Field(
        default=None, description="the client gets bytes in portions of 1 to so many, at least a millisecond apart"
    )
    vanish: Vanish | None = None
    late_replies: LateReplies | None = None
    duplicate_replies: Probability = Field(default=0.0, description="probability that an answer comes twice")
    stuck: Stuck | None = None
    reset: Reset | None = None
    tflm_crash: TflmCrash | None = None
    false_hash: bool = Field(default=False, description="`info` and the image state tell another hash of what runs")
    wrong_outputs: Probability = Field(default=0.0, description="probability that a sample's outputs have a wrong bit")
    power_cut: PowerCutAt | None = None
    slow_flash: Number | None = Field(default=None, description="bytes a second that flash takes, waited for")


HEALTHY = FaultPlan()


def load_fault_plan(path: Path) -> FaultPlan:
    """Read a plan, YAML or JSON; an empty file is an empty plan.

    Raises:
        TinyopsError: the file cannot be read, is not YAML, or a field in it is wrong.
    """
    content = read_yaml(path, f"fault plan {path}")
    try:
        return FaultPlan.model_validate({} if content is None else content)
    except ValidationError as error:
        raise describe_validation_error(error, f"fault plan {path}") from error


def generator(plan: FaultPlan, place: str) -> random.Random:
    """The random numbers of one place under a plan."""
    return random.Random(f"{plan.seed}/{place}")


class RandomHits:
    """Which of an endless row of things, e.g. the bits on a line, are hit; the same however the row is portioned."""

    def __init__(self, probability: float, random: random.Random) -> None:
        self._probability, self._random = probability, random
        self._gap = self._draw()

    def among(self, count: int) -> list[int]:
        """The indices of those hit among the next `count`."""
        hits, index = [], 0
        while self._gap is not None and index + self._gap < count:
            index += self._gap
            hits.append(index)
            index += 1
            self._gap = self._draw()
        if self._gap is not None:
            self._gap -= count - index
        return hits

    def _draw(self) -> int | None:
        """How many are spared before the next hit: the geometric distribution; None: all."""
        if self._probability == 0:
            return None
        if self._probability == 1:
            return 0
        return int(min(_FAR, math.log(1 - self._random.random()) / math.log1p(-self._probability)))
