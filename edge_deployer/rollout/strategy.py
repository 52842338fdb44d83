"""How a release goes over production: in which waves, past which gates, and what happens when something stops it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from math import ceil
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from edge_deployer.errors import TinyopsError
from edge_deployer.field_errors import describe_validation_error
from edge_deployer.files import read_yaml

_NONE: Final = Decimal(-1)

Share = Annotated[float, Field(ge=0, le=1)]


def _amount(value: object) -> Decimal:
    """A number of boards, or percent of a pool; -1 for what is neither."""
    if isinstance(value, str):
        return percent if (percent := _percent(value)) <= 100 else _NONE
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else _NONE


def _percent(text: str) -> Decimal:
    """As it is written, so that 1.1 % of 3,000 boards are 33 and not one more; -1 for what is no share."""
    try:
        percent = Decimal(text.removesuffix("%")) if text.endswith("%") else _NONE
    except InvalidOperation:
        return _NONE
    return percent if percent.is_finite() else _NONE


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WaveTerms(_Section):
    """One wave.

    Attributes:
        boards: how many boards, or which share of the whole pool ("25%"); None takes all that are left.
        approval: whether somebody has to approve it before it begins.
    """

    boards: int | str | None = None
    approval: bool = False

    @field_validator("boards", mode="before")
    @classmethod
    def _is_count_or_share(cls, boards: object) -> object:
        if boards is not None and _amount(boards) <= 0:
            raise ValueError('a number of boards is wanted, or a share of the pool such as "25%"')
        return boards

    def count(self, pool: int) -> int:
        """How many of a pool's boards that is, at least one."""
        if self.boards is None:
            return pool
        return self.boards if isinstance(self.boards, int) else ceil(pool * _percent(self.boards) / 100)


class Bake(_Section):
    """How long a wave's boards are watched before the next one begins.

    Attributes:
        seconds: how long.
        probe_every_s: a board is asked its golden vectors and times so often; at the end once more.
    """

    seconds: PositiveFloat
    probe_every_s: PositiveFloat = 60.0


class Strategy(_Section):
    """All of it. By default one board as a canary, then the rest, and one board that fails takes all back.

    Attributes:
        waves: in order. Together they have to cover the pool, as they do where the last one has no `boards`.
        concurrency: boards that are worked on at once.
        max_failures: boards that may fail, in all waves together, before the rollout stops: a count, or a share of the
            pool. A board that fails is taken back whatever this says.
        min_success: share of a wave's boards that must run the release before the next wave begins; None: all but those
            that may fail. Only below 1 may a board be away: it is passed over, and tried once more at the end.
        latency_over_canary: a board whose 95th percentile is more than so many times its profile's canary's fails.
        latency_over_production: the same against the release that it had; None asks nothing.
        bake: between waves, and after the last; None goes on at once.
        retries: how often a board that does not answer is tried again.
        backoff_s: wait before the first of these; each next one is twice as long.
        when_interrupted: what the next command does with a rollout whose process was killed: finish it, or take it
            back. Another release always takes it back first.
    """

    waves: tuple[WaveTerms, ...] = Field(default=(WaveTerms(boards=1), WaveTerms()), min_length=1)
    concurrency: PositiveInt = 32
    max_failures: int | str = 0
    min_success: Share | None = None
    latency_over_canary: PositiveFloat | None = 1.5
    latency_over_production: PositiveFloat | None = None
    bake: Bake | None = None
    retries: Annotated[int, Field(ge=0, le=20)] = 2
    backoff_s: PositiveFloat = 1.0
    when_interrupted: Literal["finish", "take back"] = "finish"

    @field_validator("max_failures", mode="before")
    @classmethod
    def _is_count_or_share(cls, failures: object) -> object:
        if _amount(failures) < 0:
            raise ValueError('a number of boards is wanted, or a share of the pool such as "5%"')
        return failures

    @model_validator(mode="after")
    def _takes_the_rest_last(self) -> Strategy:
        if any(wave.boards is None for wave in self.waves[:-1]):
            raise ValueError("a wave without `boards` takes all that are left: it must be the last one")
        return self

    @property
    def waits_for_approval(self) -> bool:
        """Whether a wave has to be approved while the rollout is under way."""
        return any(wave.approval for wave in self.waves)

    @property
    def bears_absence(self) -> bool:
        """Whether a production board may be missing."""
        return self.min_success is not None and self.min_success < 1

    def suffices(self, accepted: int, failed: int, boards: int) -> bool:
        """Whether enough of a wave's boards run the release for the next wave to begin."""
        if self.min_success is None:
            return accepted + failed == boards
        # A quotient is rounded as the share that is written down: 0.55 times 100 is more than 55.
        return accepted / boards >= self.min_success

    def spared(self, boards: int) -> int:
        """How many of a wave's boards need not run the release, for those that may fail aside."""
        return next(missing for missing in range(boards, -1, -1) if self.suffices(boards - missing, 0, boards))

    def tolerated(self, pool: int) -> int:
        """How many boards of a pool may fail."""
        failures = self.max_failures
        return failures if isinstance(failures, int) else int(pool * _percent(failures) / 100)

    def divide(self, boards: Sequence[str]) -> tuple[tuple[str, ...], ...]:
        """The boards of each wave, in order; none is left out, and none is in two. A wave that gets none is dropped.

        Raises:
            TinyopsError: the waves do not cover the pool.
        """
        divided, left = [], list(boards)
        for wave in self.waves:
            count = wave.count(len(boards))
            divided.append(tuple(left[:count]))
            del left[:count]
        if left:
            raise TinyopsError(
                f"the strategy's waves take {len(boards) - len(left)} of {len(boards)} production boards: "
                f"{', '.join(left[:3])}{' and others' if len(left) > 3 else ''} would be forgotten",
                remedy="let the last wave have no `boards`, which takes all that are left",
            )
        return tuple(wave for wave in divided if wave)


DEFAULT: Final = Strategy()


def load_strategy(path: Path | None) -> Strategy:
    """Read a strategy's file; None gives the default.

    Raises:
        TinyopsError: the file is missing, is not YAML, or a field in it is wrong.
    """
    if path is None:
        return DEFAULT
    content = read_yaml(path, f"strategy {path}")
    return parse_strategy({} if content is None else content, f"strategy {path}")


def parse_strategy(content: Any, what: str) -> Strategy:
    """A strategy as it was read from somewhere.

    Raises:
        TinyopsError: a field is wrong.
    """
    try:
        return Strategy.model_validate(content)
    except ValidationError as error:
        raise describe_validation_error(error, what) from error
