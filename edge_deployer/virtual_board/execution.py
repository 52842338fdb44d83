"""How the firmware runs a batch: in TFLM, in the board's own time, under the plan's faults."""

from __future__ import annotations

import time

from edge_deployer.tensors import Array
from edge_deployer.virtual_board.firmware_faults import FirmwareFaults
from edge_deployer.virtual_board.model import LoadedModel


class Execution:
    """Runs batches.

    Args:
        faults: the plan's.
        realtime: whether a batch takes as long as the profile's estimate says.
    """

    def __init__(self, faults: FirmwareFaults, *, realtime: bool) -> None:
        self._faults, self._realtime = faults, realtime

    def run(self, model: LoadedModel, samples: Array) -> Array:
        """The outputs of a batch, shape ``(n, ...)``.

        Raises:
            Fault: TFLM crashed.
        """
        done = time.monotonic() + len(samples) * model.microseconds / 1e6
        self._faults.before_inference(model, len(samples))
        outputs = model.run(samples)
        if self._realtime:
            time.sleep(max(0.0, done - time.monotonic()))
        return self._faults.outputs(outputs)
