"""TFLM in its child process, with real models of a few hundred bytes."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge_deployer.errors import TinyopsError
from edge_deployer.tflm import InferenceCrashed, ModelRefused, Reason, TflmRunner
from tests.edge_deployer import tiny_models
from tests.processes import wait_for_the_end_of

ARENA = 4096


def refusal(model: bytes, arena_bytes: int = ARENA) -> ModelRefused:
    with pytest.raises(ModelRefused) as caught:
        TflmRunner(model, arena_bytes=arena_bytes)
    return caught.value


def test_runs_a_batch_bit_exactly() -> None:
    inputs = np.random.default_rng(0).integers(-128, 128, (360, 4)).astype(np.int8)
    with TflmRunner(tiny_models.identity_classifier(), arena_bytes=ARENA) as runner:
        assert runner.input.describe() == "int8[1, 4]"
        assert runner.output.scale == pytest.approx(0.1)
        outputs = runner.run(inputs)
    assert outputs.dtype == np.int8
    assert np.array_equal(outputs, inputs)


def test_outputs_stay_in_the_order_of_the_inputs() -> None:
    inputs = np.array([[1, 2, 3, 4], [5, 6, 7, 8]], np.int8)
    with TflmRunner(tiny_models.rotating_classifier(), arena_bytes=ARENA) as runner:
        assert runner.run(inputs).tolist() == [[2, 3, 4, 1], [6, 7, 8, 5]]


def test_an_empty_batch_gives_no_outputs() -> None:
    with TflmRunner(tiny_models.identity_classifier(), arena_bytes=ARENA) as runner:
        assert runner.run(np.zeros((0, 4), np.int8)).shape == (0, 4)


@pytest.mark.parametrize("inputs", [np.zeros((1, 5), np.int8), np.zeros((1, 4), np.uint8), np.zeros(4, np.int8)])
def test_inputs_of_another_shape_or_dtype_are_an_error(inputs: np.ndarray) -> None:
    model = tiny_models.identity_classifier()
    with TflmRunner(model, arena_bytes=ARENA) as runner, pytest.raises(ValueError, match="takes"):
        runner.run(inputs)


def test_a_sample_does_not_see_the_one_before() -> None:
    with TflmRunner(tiny_models.remembers(), arena_bytes=ARENA) as runner:
        alone = [runner.run(np.array([[value]], np.int8))[0, 0] for value in (5, 20, 5)]
        together = runner.run(np.array([[5], [20], [5]], np.int8))[:, 0]
    assert alone[0] == alone[2] != alone[1]
    assert together.tolist() == alone


def smallest_arena(model: bytes, *, limit: int) -> int:
    with TflmRunner(model, arena_bytes=limit) as runner:
        return runner.shrink()


@pytest.mark.parametrize("limit", [1500, 5000, 1_000_000])
@pytest.mark.parametrize("build", [tiny_models.identity_classifier, tiny_models.crashes_on_far_offset])
def test_the_smallest_arena_is_exact_from_whatever_limit(build: Callable[[], bytes], limit: int) -> None:
    # Below some size these models make TFLM return an error, below another it dies: neither fits.
    model = build()
    least = smallest_arena(model, limit=limit)
    TflmRunner(model, arena_bytes=least).close()
    assert refusal(model, least - 1).reason is Reason.ARENA_TOO_SMALL


def test_a_runner_shrinks_to_the_smallest_arena_and_runs_on() -> None:
    model, inputs = tiny_models.identity_classifier(), np.array([[1, 2, 3, 4]], np.int8)
    with TflmRunner(model, arena_bytes=1_000_000) as runner:
        arena_bytes = runner.shrink()
        assert runner.run(inputs).tolist() == inputs.tolist()
        assert runner.arena_bytes == arena_bytes == smallest_arena(model, limit=ARENA)


def test_a_limit_too_low_names_the_limit() -> None:
    with pytest.raises(ModelRefused, match="arena of 600 bytes") as caught:
        smallest_arena(tiny_models.identity_classifier(), limit=600)
    assert caught.value.reason is Reason.ARENA_TOO_SMALL


@pytest.mark.parametrize("arena_bytes", [1, 50, 300, 700])
def test_a_tiny_arena_is_a_refusal_even_where_tflm_dies(arena_bytes: int) -> None:
    assert refusal(tiny_models.identity_classifier(), arena_bytes).reason in {Reason.ARENA_TOO_SMALL, Reason.CRASHED}


def test_an_unknown_operator_is_named() -> None:
    error = refusal(tiny_models.with_unknown_op())
    assert error.reason is Reason.UNSUPPORTED_OP
    assert "'made-up-op'" in error.message


def test_two_inputs_are_refused() -> None:
    error = refusal(tiny_models.two_inputs())
    assert error.reason is Reason.WRONG_TENSORS
    assert "more than one input" in error.message


@pytest.mark.parametrize("model", [b"", b"TFL3", bytes(500), bytes(range(250)) * 2], ids=len)
def test_what_is_no_model_is_refused(model: bytes) -> None:
    assert refusal(model).reason is Reason.NOT_A_MODEL


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_model_is_refused(share: float) -> None:
    model = tiny_models.identity_classifier()
    assert refusal(model[: int(len(model) * share)]).reason in {Reason.NOT_A_MODEL, Reason.CRASHED}


def test_a_crash_while_loading_is_a_refusal() -> None:
    error = refusal(tiny_models.crashes_on_load())
    assert error.reason is Reason.CRASHED
    assert "SIGSEGV" in error.message


def test_a_child_that_cannot_start_is_not_the_models_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "numpy.py").write_text("raise ImportError('a broken numpy')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(TinyopsError, match=r"on this machine \(exit status 1\): ImportError: a broken numpy") as caught:
        TflmRunner(tiny_models.identity_classifier(), arena_bytes=ARENA)
    assert not isinstance(caught.value, ModelRefused)


def test_a_crash_while_running_is_told_apart() -> None:
    with TflmRunner(tiny_models.crashes_on_far_offset(), arena_bytes=ARENA) as runner:
        assert runner.run(np.array([[0], [3]], np.int32)).tolist() == [10, 40]
        with pytest.raises(InferenceCrashed, match="SIGSEGV") as caught:
            runner.run(np.array([[2**30]], np.int32))
    assert caught.value.remedy == ""


def test_no_child_outlives_a_killed_parent(tmp_path: Path) -> None:
    model = tmp_path / "model.tflite"
    model.write_bytes(tiny_models.identity_classifier())
    program = (
        "import pathlib, sys, time\n"
        "from edge_deployer.tflm import TflmRunner\n"
        f"runner = TflmRunner(pathlib.Path(sys.argv[1]).read_bytes(), arena_bytes={ARENA})\n"
        "print(runner._child._process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(model)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    wait_for_the_end_of(child)
