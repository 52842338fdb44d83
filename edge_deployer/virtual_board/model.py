"""The model of the running image, loaded into TFLM when it is first asked for."""

from __future__ import annotations

from dataclasses import dataclass

from edge_deployer.profile import BoardProfile
from edge_deployer.tensors import Array
from edge_deployer.tflm import InferenceCrashed, ModelRefused, Reason, TflmRunner, count_macs, estimate_latency_us
from edge_deployer.tflm.start import forked


class Fault(Exception):
    """TFLM crashed, or a watchdog struck: the board resets. Says which, in words for who asks for its health."""


@dataclass(frozen=True)
class LoadedModel:
    """A model that runs.

    Attributes:
        runner: TFLM with the model.
        macs: multiply-accumulates of one inference; None where an operator cannot be counted.
        microseconds: what one inference takes by the profile's speeds; an estimate, and 0 where there can be none.
    """

    runner: TflmRunner
    macs: int | None
    microseconds: int

    def run(self, inputs: Array) -> Array:
        """Run a batch, see `TflmRunner.run`.

        Raises:
            Fault: TFLM crashed.
        """
        try:
            return self.runner.run(inputs)
        except InferenceCrashed as crash:
            raise Fault(crash.message) from crash


def load_model(model: bytes, profile: BoardProfile) -> LoadedModel:
    """Load a model into the profile's arena.

    Raises:
        ModelRefused: TFLM refuses it.
        Fault: TFLM crashed.
    """
    try:
        runner = TflmRunner(model, arena_bytes=profile.arena_bytes, start=forked)
    except ModelRefused as refusal:
        if refusal.reason is Reason.CRASHED:
            raise Fault(refusal.message) from refusal
        raise
    estimate = estimate_latency_us(model, profile)
    return LoadedModel(runner, count_macs(model), 0 if estimate is None else max(1, round(estimate)))
