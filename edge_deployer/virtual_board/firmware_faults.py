"""Faults of the firmware: late and double answers, hanging, resets, TFLM crashes, lies and wrong outputs."""

from __future__ import annotations

import hashlib
import select
import signal
import socket
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from smp.header import CommandId, GroupId

from edge_deployer.tensors import Array
from edge_deployer.virtual_board.faults import FaultKind, generator
from edge_deployer.virtual_board.ledger import Count, Ledger
from edge_deployer.virtual_board.model import Fault, LoadedModel
from edge_deployer.virtual_board.smp_server import Fields, Handler, Handlers, Request
from edge_deployer.wire.inference import GROUP, Command

_STATE = CommandId.ImageManagement.STATE


class InjectedReset(Exception):
    """The plan resets the firmware here."""


class FirmwareFaults:
    """What the plan in force does to the firmware. The plan may change at any request."""

    def __init__(self, ledger: Ledger, uart: socket.socket) -> None:
        self._ledger, self._uart = ledger, uart
        self._plan = ledger.plan

    def before_request(self) -> None:
        """A request is about to be handled.

        Raises:
            InjectedReset: instead, the firmware resets.
            Fault: it hung, and the watchdog resets it.
        """
        self._plan = self._ledger.plan
        request = self._ledger.add(Count.REQUESTS)
        stuck = self._plan.stuck
        if stuck is not None and request == stuck.request:
            self._hang(stuck.seconds, stuck.watchdog_s)
        self._reset_if("before", request)

    def after_request(self) -> None:
        """A request was handled, its answer is not out.

        Raises:
            InjectedReset: the firmware resets.
        """
        self._reset_if("after", self._ledger[Count.REQUESTS])

    def answer(self, framed: bytes) -> None:
        """Send an answer: maybe late, maybe twice."""
        late = self._plan.late_replies
        if late is not None and self._draw("late_replies") < late.probability:
            self._ledger.add_fault(FaultKind.LATE_REPLY)
            self._wait(late.seconds)
        self._uart.sendall(framed)
        if self._plan.duplicate_replies and self._draw("duplicate_replies") < self._plan.duplicate_replies:
            self._ledger.add_fault(FaultKind.DUPLICATE_REPLY)
            self._uart.sendall(framed)

    def before_inference(self, model: LoadedModel, samples: int) -> None:
        """A batch is about to run."""
        after = self._ledger.add(Count.INFERENCES, samples)
        crash = self._plan.tflm_crash
        if crash is not None and after - samples < crash.inference <= after:
            self._ledger.add_fault(FaultKind.TFLM_CRASH)
            model.runner.send_signal(signal.Signals[crash.signal])

    def outputs(self, outputs: Array) -> Array:
        """What the board takes for a batch's outputs, shape ``(n, ...)``."""
        if not self._plan.wrong_outputs:
            return outputs
        first = self._ledger[Count.INFERENCES] - len(outputs)
        wrong = [self._damage(sample, first + index) for index, sample in enumerate(outputs)]
        return np.stack(wrong)

    def lying(self, groups: Mapping[int, Handlers]) -> dict[int, Handlers]:
        """The groups, except that the answers that name the running image's hash lie while the plan says so."""
        lies: dict[tuple[int, int], Callable[[Fields], Fields]] = {
            (GROUP, Command.INFO): _false_info,
            (GroupId.IMAGE_MANAGEMENT, _STATE): _false_state,
        }
        return {
            group: {
                key: self._lie_in(handler, lies[group, key[0]]) if (group, key[0]) in lies else handler
                for key, handler in handlers.items()
            }
            for group, handlers in groups.items()
        }

    def _lie_in(self, handler: Handler, falsify: Callable[[Fields], Fields]) -> Handler:
        def handle(request: Request) -> Fields:
            answer = handler(request)
            if not self._plan.false_hash:
                return answer
            self._ledger.add_fault(FaultKind.FALSE_HASH)
            return falsify(answer)

        return handle

    def _damage(self, sample: Array, number: int) -> Array:
        random = generator(self._plan, f"wrong_outputs.{number}")
        if random.random() >= self._plan.wrong_outputs:
            return sample
        self._ledger.add_fault(FaultKind.WRONG_OUTPUT)
        damaged = bytearray(sample.tobytes())
        bit = random.randrange(8 * len(damaged))
        damaged[bit // 8] ^= 1 << bit % 8
        return np.frombuffer(damaged, sample.dtype).reshape(sample.shape)

    def _draw(self, place: str) -> float:
        # The request's number is part of the place: a reset must not begin the same numbers again.
        return generator(self._plan, f"{place}.{self._ledger[Count.REQUESTS]}").random()

    def _reset_if(self, when: str, request: int) -> None:
        reset = self._plan.reset
        if reset is not None and (reset.when, reset.request) == (when, request):
            self._ledger.add_fault(FaultKind.RESET)
            raise InjectedReset

    def _hang(self, seconds: float | None, watchdog_s: float | None) -> None:
        self._ledger.add_fault(FaultKind.STUCK)
        if watchdog_s is not None and (seconds is None or watchdog_s < seconds):
            self._wait(watchdog_s)
            raise Fault(f"watchdog: the firmware hung for {watchdog_s:g} s")
        self._wait(seconds)

    def _wait(self, seconds: float | None) -> None:
        """Do nothing for some time, or until power goes."""
        poll = select.poll()
        poll.register(self._uart, 0)
        poll.poll(None if seconds is None else seconds * 1000)


def _false_info(info: Fields) -> Fields:
    return {**info, "sha": _another(info["sha"])}


def _false_state(state: Fields) -> Fields:
    return {**state, "images": [_false_image(image) for image in state["images"]]}


def _false_image(image: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**image, "hash": _another(image["hash"])} if image["active"] else image


def _another(digest: bytes) -> bytes:
    return hashlib.sha256(digest).digest()
