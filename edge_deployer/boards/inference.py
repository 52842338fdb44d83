"""Runs a file of samples on one board."""

from __future__ import annotations

from dataclasses import dataclass

from edge_deployer.boards.bench import Bench
from edge_deployer.boards.journal import Journal
from edge_deployer.boards.log import BoardLog
from edge_deployer.inventory.inventory import BoardEntry
from edge_deployer.release.sample_files import fit_samples
from edge_deployer.task import NO_CLASS, UNASKED, Answers, Task, find_task
from edge_deployer.tensors import Array, TensorSpec, dequantize


@dataclass(frozen=True)
class Inference:
    """What a board made of samples."""

    board: str  # Its name.
    image_hash: bytes  # The image whose model ran.
    scores: Array  # Outputs as real numbers, float32 ``(n, outputs)``.
    microseconds: Array  # Time of each sample by the board's clock, int64 ``(n,)``; 0 where the board cannot tell.
    # The class that each answer names, by the release's task, or by what the board says of its tensors where the
    # workspace does not know the release; None where an answer is no class.
    classes: list[int | None]
    # Name of each class; empty where the workspace does not know the release, or it has no names.
    class_names: tuple[str, ...]


async def infer_file(bench: Bench, entry: BoardEntry, samples: Array, label: str) -> Inference:
    """Run samples on a board.

    Args:
        bench: the board's bench.
        entry: the board.
        samples: as from `read_samples`.
        label: what to call them in the board's log.

    Raises:
        TinyopsError: the samples do not fit the model, or the board does not answer.
        ModelFault: its model crashed or cannot be loaded.
    """
    journal = Journal(BoardLog(bench.workspace))
    async with bench.hold((entry,), "boards infer", changes=False) as held, held.session(entry) as session:
        info = await session.info()
        inputs = fit_samples(samples, info.input)
        journal.note(entry.name, "infer", f"{len(inputs)} samples of {label}")
        result = await session.infer(inputs)
    release = bench.release_of(info.image_hash, entry)
    task = release.acceptance.task if release else find_task(Answers(info.input, info.output), UNASKED)
    return Inference(
        board=entry.name,
        image_hash=info.image_hash,
        scores=dequantize(result.outputs, info.output).reshape(len(inputs), -1),
        microseconds=result.microseconds,
        classes=_classes(task, result.outputs, info.output),
        class_names=release.acceptance.class_names if release else (),
    )


def _classes(task: Task | None, outputs: Array, spec: TensorSpec) -> list[int | None]:
    if task is None or not task.names_classes:
        return [None] * len(outputs)
    return [None if named == NO_CLASS else int(named) for named in task.named_classes(outputs, spec)]
