"""One way to end, whatever the signal: raised where the program stands, or after what is under way."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from edge_deployer import ending
from edge_deployer.ending import SIGNALS, CutShort, Ended, StepEnded, listening, run_to_end, uncut, waited_for, within
from edge_deployer.errors import TinyopsError


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.fixture(autouse=True)
def handlers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test leaves the handlers as they were; what was lost is heard again at once."""
    monkeypatch.setattr(ending, "_AGAIN_S", 0.01)
    before = [signal.getsignal(number) for number in SIGNALS]
    yield
    assert [signal.getsignal(number) for number in SIGNALS] == before


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_raised_with_the_status_of_a_shell(number: signal.Signals) -> None:
    with pytest.raises(Ended) as ended, listening():
        send(number)
    assert (ended.value.status, str(ended.value)) == (128 + number, f"stopped by {number.name}")


def test_what_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with listening():
            send(signal.SIGHUP)
            assert run_to_end(_that_hears(signal.SIGHUP)) == "whole"
    finally:
        signal.signal(signal.SIGHUP, before)


async def _that_hears(number: int) -> str:
    send(number)
    await asyncio.sleep(0)
    return "whole"


def test_a_step_is_ended_once_and_cleans_up_undisturbed() -> None:
    done = []

    def clean_up() -> None:
        try:
            send(signal.SIGTERM)
        finally:
            send(signal.SIGTERM)
            send(signal.SIGINT)
            # Longer than it takes until the first is heard again.
            wait(3 * ending._AGAIN_S)
            done.append("cleaned up")

    with pytest.raises(StepEnded) as ended, listening(StepEnded):
        clean_up()
    assert (ended.value.number, done) == (signal.SIGTERM, ["cleaned up"])


def wait(seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(0.001)


def test_a_step_that_takes_the_signal_for_an_error_of_its_own_is_ended_all_the_same() -> None:
    def go_on() -> None:
        with suppress(Exception):
            send(signal.SIGTERM)
        wait(60)

    with pytest.raises(StepEnded), listening(StepEnded):
        go_on()


def test_nothing_is_heard_again_after_the_block() -> None:
    with pytest.raises(StepEnded), listening(StepEnded):
        send(signal.SIGINT)
    wait(3 * ending._AGAIN_S)


def test_a_signal_counts_after_what_is_waited_for(capfd: pytest.CaptureFixture[str]) -> None:
    done = []

    def write_pages() -> None:
        with waited_for("the pages"):
            send(signal.SIGTERM)
            send(signal.SIGINT)
            done.append("pages")
        done.append("more")

    with pytest.raises(Ended) as ended, listening():
        write_pages()
    assert done == ["pages"]
    assert ended.value.number == signal.SIGTERM
    assert capfd.readouterr().err == "SIGTERM: waiting for the pages\nSIGINT: waiting for the pages\n"


class Work:
    """Asynchronous work with clean-up of several steps, that signals come into."""

    def __init__(self, *at_work: int, at_clean_up: tuple[int, ...] = ()) -> None:
        self.at_work, self.at_clean_up = at_work, at_clean_up
        self.steps: list[str] = []

    async def run(self) -> str:
        try:
            for number in self.at_work:
                send(number)
            await asyncio.sleep(60 if self.at_work else 0)
            return "whole"
        finally:
            await uncut(self._clean_up(), "the boards")
            self.steps.append("closed")

    async def _clean_up(self) -> None:
        for number in (*self.at_clean_up, 0):
            if number:
                send(number)
            await asyncio.sleep(0.001)
            self.steps.append("clean")


@pytest.mark.parametrize("number", SIGNALS)
def test_work_is_cancelled_and_cleans_up_before_the_signal_counts(number: signal.Signals) -> None:
    work = Work(number)
    with pytest.raises(Ended) as ended, listening():
        run_to_end(work.run())
    assert ended.value.number == number
    assert work.steps == ["clean", "closed"]


def test_further_signals_do_not_cut_the_clean_up_short(capfd: pytest.CaptureFixture[str]) -> None:
    work = Work(signal.SIGINT, at_clean_up=(signal.SIGINT, signal.SIGTERM))
    with pytest.raises(Ended) as ended, listening():
        run_to_end(work.run())
    assert ended.value.number == signal.SIGINT
    assert work.steps == ["clean"] * 3 + ["closed"]
    assert capfd.readouterr().err == "SIGINT: waiting for the boards\nSIGTERM: waiting for the boards\n"


def test_the_first_signal_does_not_cut_a_clean_up_short_either() -> None:
    work = Work(at_clean_up=(signal.SIGTERM, signal.SIGTERM))
    with pytest.raises(Ended) as ended, listening():
        run_to_end(work.run())
    assert ended.value.number == signal.SIGTERM
    assert work.steps == ["clean"] * 3


@pytest.mark.parametrize("kind", [CutShort("p1 runs a"), TinyopsError("p1 runs a", remedy="none")])
def test_work_says_what_it_leaves(kind: Exception) -> None:
    async def work() -> None:
        try:
            send(signal.SIGTERM)
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise kind from None

    with pytest.raises(Ended, match="stopped by SIGTERM; p1 runs a"), listening():
        run_to_end(work())


def test_an_error_without_a_signal_is_an_error() -> None:
    async def work() -> None:
        raise TinyopsError("wrong", remedy="none")

    with pytest.raises(TinyopsError), listening():
        run_to_end(work())


def test_work_that_nobody_prepared_for_ends_as_ctrl_c_ends_it() -> None:
    work = Work(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run_to_end(work.run())
    assert work.steps == ["clean", "closed"]


class Telling(io.StringIO):
    """A log in whose first line a signal comes."""

    def write(self, text: str) -> int:
        if not self.tell():
            super().write(text)
            os.kill(os.getpid(), signal.SIGTERM)
        return len(text)


def test_a_signal_in_the_middle_of_a_log_line_is_not_lost() -> None:
    logger = logging.Logger("told")
    logger.addHandler(logging.StreamHandler(Telling()))

    def go_on() -> None:
        logger.warning("a line")
        wait(60)

    with pytest.raises(StepEnded), listening(StepEnded):
        go_on()


async def test_a_cancellation_that_comes_as_the_work_ends_is_not_lost() -> None:
    """Before Python 3.12 `asyncio.wait_for` returns the result instead."""
    ends = asyncio.Event()

    async def work() -> str:
        await ends.wait()
        return "done"

    waits = asyncio.ensure_future(within(60, work()))
    for _ in range(3):
        await asyncio.sleep(0)
    ends.set()
    for _ in range(2):
        await asyncio.sleep(0)
    waits.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waits


async def test_work_that_takes_too_long_is_cancelled() -> None:
    with pytest.raises(asyncio.TimeoutError):
        await within(0.01, asyncio.Event().wait())
    assert await within(60, asyncio.sleep(0, "done")) == "done"
