"""The list of TFLM's kernels, against TFLM itself."""

from __future__ import annotations

import faulthandler
import os
import signal
import subprocess
import sys
import tempfile

import tflite
from tflite_micro import runtime

from edge_deployer.tflm.diagnosis import missing_operator
from edge_deployer.tflm.kernels import KERNELS
from tests.edge_deployer import tiny_models
from tests.environments import ROOT


def test_the_list_has_the_kernels_of_tflm_and_no_other() -> None:
    builtin = {name: code for code, name in tflite.BUILTIN_OPCODE2NAME.items() if name != "CUSTOM"}
    custom = {name: name for name in (KERNELS - builtin.keys()) | {"made-up-op", "ethos-u"}}
    # A process of its own is small: to fork this one, which may have imported TensorFlow, takes far longer.
    program = f"from {__name__} import known_to_tflm; print(*known_to_tflm({ {**builtin, **custom} }))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    assert set(done.stdout.split()) == KERNELS


def known_to_tflm(operators: dict[str, int | str]) -> set[str]:
    models = {name: tiny_models.with_operator(code) for name, code in operators.items()}
    return {name for name, model in models.items() if missing_operator(_said_while_loading(model)) is None}


def _said_while_loading(model: bytes) -> str:
    """What TFLM prints about a model; some of these kill it, so each is loaded in a fork."""
    with tempfile.TemporaryFile() as printed:
        attempt = os.fork()
        if attempt == 0:
            faulthandler.disable()
            os.dup2(printed.fileno(), 2)
            signal.alarm(10)
            try:
                runtime.Interpreter.from_bytes(model, arena_size=1 << 16)
            finally:
                os._exit(0)
        os.waitpid(attempt, 0)
        printed.seek(0)
        return printed.read().decode(errors="replace")
