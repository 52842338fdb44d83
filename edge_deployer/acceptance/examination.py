"""Asks a board what the checks need to know. The one module of acceptance that touches a device."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from math import ceil, prod
from typing import Literal

import numpy as np

from edge_deployer.acceptance.check import Case, needs_more_samples
from edge_deployer.acceptance.checks.against_production import AgainstProduction, paired_test
from edge_deployer.acceptance.checks.smoke import SMOKE_VECTORS, gets_no_vector_right
from edge_deployer.acceptance.checks.soak import soak_inferences
from edge_deployer.acceptance.evidence import (
    Answers,
    BoardEvidence,
    Failure,
    PowerCycle,
    ProductionAnswers,
    RepeatedAnswers,
    RestartedBy,
)
from edge_deployer.acceptance.findings import AnotherModel, AnotherTask, GaveNoAnswer, NoClassLabels
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.reference import Reference
from edge_deployer.acceptance.statistics.decision import Decision
from edge_deployer.acceptance.stored_array import StoredArray
from edge_deployer.finding import Finding, Told
from edge_deployer.inventory.inventory import Pool
from edge_deployer.profile import BoardProfile
from edge_deployer.release.acceptance_set import AcceptanceSet
from edge_deployer.session import (
    BoardGone,
    DeviceInfo,
    DeviceSession,
    InferenceResult,
    InUse,
    LineError,
    ModelFault,
    SessionError,
)
from edge_deployer.tensors import Array, TensorSpec, dequantize, quantize
from edge_deployer.wire.inference import ResetReason

OnSamples = Callable[[int, int], None]
"""Told how many samples are done, and how many there are at most."""

_SLACK = 2.0
"""Samples that production answers, in those which the paired test needs if the candidate answers as its reference.

A board that differs from TFLM on as many labels as is tolerated needs more of them than one that never does.
"""

_IN_A_ROW = 4
"""How often the soak runs a golden vector at least that is sent once."""

_BETWEEN_LOOKS = 32
"""Answers are judged whenever there are so many times fewer new ones: looking costs as much as there are answers."""


class Examination:
    """Examines one board, by the part of the release's acceptance set that the plan allows: the reference."""

    def __init__(
        self,
        session: DeviceSession,
        board: str,
        profile: BoardProfile,
        acceptance: AcceptanceSet,
        reference: Reference,
        plan: AcceptancePlan,
        on_samples: OnSamples | None = None,
    ) -> None:
        self._session, self._board, self._profile = session, board, profile
        self._inputs = acceptance.inputs[: len(reference)]
        self._input_spec = acceptance.input
        self._reference, self._plan = reference, plan
        self._on_samples = on_samples or (lambda _done, _most: None)

    async def run(self, image_hash: str, pool: Pool, production: ProductionAnswers | None = None) -> BoardEvidence:
        """Ask everything that the pool's checks need, and record what the board answers.

        A board that fails on the way is not an error here: the failure is part of the evidence.

        Args:
            image_hash: hex hash of the release that the board should run; a board that runs another is asked no more,
                one that gets the first samples wrong the golden vectors, which tell how far off it is.
            pool: a staging board runs samples until every sequential check has decided, a production board its golden
                vectors.
            production: what the release in production answered on this board, for the comparison.

        Raises:
            InUse: somebody else took the board, which is evidence of nothing.
        """
        evidence = BoardEvidence(
            board=self._board, profile=self._profile.name, image_limit=self._profile.image_bytes, production=production
        )
        try:
            began = time.monotonic()
            before = await self._session.health()
            await self._session.echo()
            evidence = _with(evidence, echo=True)
            info = await self._session.info()
            running = info.image_hash.hex()
            evidence = _with(evidence, running_hash=running, arena_used=info.arena_used, arena_bytes=info.arena_bytes)
            if running != image_hash:
                return evidence
            if another_model := self._another_model(info):
                return _with(evidence, failure=Failure(kind="model", reason=another_model))
            async with aclosing(self._answers(pool)) as answers:
                async for so_far in answers:
                    if evidence.answers is None:
                        health = await self._session.health()
                        seconds, faults = time.monotonic() - began, health.faults - before.faults
                        found = {"smoke_seconds": seconds, "smoke_faults": faults, "last_fault": health.last_fault}
                        evidence = _with(evidence, **found)
                    evidence = _with(evidence, answers=so_far)
                    if self._is_enough(evidence, pool):
                        break
            if pool == "staging" and not self._fails_smoke(evidence):
                evidence = _with(evidence, soak=await self._soak(evidence))
            health = await self._session.health()
            return _with(evidence, faults=health.faults - before.faults, last_fault=health.last_fault)
        except InUse:
            raise
        except SessionError as error:
            return _with(evidence, failure=failure_of(error))

    async def ask_production(self, image_hash: str) -> ProductionAnswers:
        """Have the release in production answer the first samples, before the candidate takes its place.

        As many as the paired test needs if the candidate answers on the board as it does in TFLM, and a tenth more.
        Its inputs are quantised for the model that answers, so that both see the same real values.

        Raises:
            SessionError: the board does not answer any more; a model in production that crashes is recorded instead.
        """
        if self._reference.metric != "accuracy":
            return ProductionAnswers(image_hash=image_hash, reason=NoClassLabels())
        try:
            info = await self._session.info()
            inputs = self._inputs_for(info)
            if inputs is None:
                return ProductionAnswers(
                    image_hash=image_hash, reason=AnotherTask(model=_interface(info.input, info.output))
                )
            collected = _Collected()
            async with aclosing(self._session.infer_batches(inputs)) as batches:
                async for batch in batches:
                    collected.add(batch)
                    if self._is_enough_of_production(collected.outputs, info.output):
                        break
            return ProductionAnswers(image_hash=image_hash, answers=collected.answers(), output=info.output)
        except ModelFault as fault:
            return ProductionAnswers(image_hash=image_hash, reason=GaveNoAnswer(message=fault.message))

    async def repeat(self, samples: Sequence[int]) -> RepeatedAnswers | None:
        """Ask some samples again; None if the board does not answer any more.

        Raises:
            InUse: somebody else took the board.
        """
        try:
            result = await self._session.infer(self._inputs[list(samples)])
        except InUse:
            raise
        except SessionError:
            return None
        return RepeatedAnswers(samples=tuple(samples), outputs=StoredArray.of(result.outputs))

    async def power_cycle(self, cycle: Callable[[], Awaitable[RestartedBy]]) -> PowerCycle:
        """See whether a confirmed release survives.

        Args:
            cycle: takes the board's power away and gives it back, or resets it, and tells which. A board that names
                another reason for its start has not been without power.

        Raises:
            InUse: somebody else took the board.
        """
        by: Literal["power"] | None = None
        try:
            if await cycle() == "power" and (await self._session.health()).reset_reason is ResetReason.POWER_ON:
                by = "power"
            running = next((image for image in await self._session.images() if image.active), None)
            result = await self._session.infer(self._inputs[:1])
        except InUse:
            raise
        except SessionError as error:
            return PowerCycle(by=by, failure=failure_of(error))
        return PowerCycle(
            by=by,
            running_hash=running.hash.hex() if running else None,
            confirmed=bool(running and running.confirmed),
            outputs=StoredArray.of(result.outputs),
        )

    async def _answers(self, pool: Pool) -> AsyncGenerator[Answers, None]:
        """All answers so far, whenever it is worth a look, and at the end."""
        inputs = self._inputs if pool == "staging" else self._inputs[: self._plan.golden_vectors]
        collected, looked = _Collected(), 0
        async with aclosing(self._session.infer_batches(inputs)) as batches:
            async for batch in batches:
                collected.add(batch)
                self._on_samples(len(collected), len(inputs))
                if len(collected) - looked >= looked // _BETWEEN_LOOKS or len(collected) == len(inputs):
                    looked = len(collected)
                    yield collected.answers()

    def _is_enough(self, evidence: BoardEvidence, pool: Pool) -> bool:
        if evidence.smoke_faults or evidence.answers is None:
            return True
        if self._fails_smoke(evidence):
            return len(evidence.answers) >= self._plan.golden_vectors
        return pool == "staging" and not needs_more_samples(Case(evidence, self._reference, self._plan))

    def _fails_smoke(self, evidence: BoardEvidence) -> bool:
        if evidence.smoke_faults or evidence.answers is None:
            return True
        enough = len(evidence.answers) >= min(SMOKE_VECTORS, len(self._inputs))
        return enough and gets_no_vector_right(evidence.answers.outputs.load(), self._reference, self._plan)

    async def _soak(self, evidence: BoardEvidence) -> RepeatedAnswers | None:
        """Golden vectors again, as far as they have been answered, each several times in a row.

        Inputs may be large and the line slow, and what the soak is for is many inferences, long after the first ones.
        """
        golden = min(self._plan.golden_vectors, len(evidence.answers) if evidence.answers is not None else 0)
        vectors = min(golden, ceil(soak_inferences(self._plan) / _IN_A_ROW))
        if not vectors:
            return None
        times = ceil(soak_inferences(self._plan) / vectors)
        result = await self._session.infer_repeatedly(self._inputs[:vectors], times)
        outputs = result.outputs.reshape(-1, *result.outputs.shape[2:])
        return RepeatedAnswers(samples=tuple(range(vectors)) * times, outputs=StoredArray.of(outputs))

    def _another_model(self, info: DeviceInfo) -> Finding | None:
        ours, theirs = (self._input_spec, self._reference.output), (info.input, info.output)
        if all((a.dtype, a.sample_shape) == (b.dtype, b.sample_shape) for a, b in zip(ours, theirs, strict=True)):
            return None
        return AnotherModel(board=_interface(*theirs), release=_interface(*ours))

    def _inputs_for(self, info: DeviceInfo) -> Array | None:
        """The samples as another model stores them; None if it is of another shape."""
        values = prod(info.output.shape), prod(self._reference.output.shape)
        if info.input.sample_shape != self._input_spec.sample_shape or values[0] != values[1]:
            return None
        if info.input == self._input_spec:
            return self._inputs
        return quantize(dequantize(self._inputs, self._input_spec), info.input)

    def _is_enough_of_production(self, outputs: Array, spec: TensorSpec) -> bool:
        against, expected = self._plan.section(AgainstProduction), self._reference.reference_outputs
        if against is None or expected is None:
            return False
        taken = len(outputs)
        predicted = paired_test(against, len(self._reference), self._plan).decide(
            self._reference.right_answers(expected[:taken]), self._reference.right_answers(outputs, spec)
        )
        decided = predicted.decision not in (None, Decision.UNDECIDED)
        return decided and taken >= ceil(_SLACK * predicted.samples)


class _Collected:
    """Batches of answers, as one."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._outputs: list[Array] = []
        self._latencies: list[int | None] = []

    def add(self, batch: InferenceResult) -> None:
        self._outputs.append(batch.outputs)
        self._latencies += [time_us or None for time_us in batch.microseconds.tolist()]

    def __len__(self) -> int:
        return len(self._latencies)

    @property
    def outputs(self) -> Array:
        return np.concatenate(self._outputs)

    def answers(self) -> Answers:
        return Answers(
            outputs=StoredArray.of(self.outputs),
            latencies_us=tuple(self._latencies),
            seconds=time.monotonic() - self._began,
        )


def failure_of(error: SessionError) -> Failure:
    """Whose fault a session's end looks like: silence is the board's, anything it says is about the release.

    A board that somebody else uses (`InUse`) has said nothing, and is not to be asked for here.
    """
    is_board = isinstance(error, BoardGone | LineError)
    return Failure(kind="board" if is_board else "model", reason=Told(text=error.message))


def _interface(given: TensorSpec, answered: TensorSpec) -> str:
    return f"{given.describe()} to {answered.describe()}"


def _with(evidence: BoardEvidence, **facts: object) -> BoardEvidence:
    return evidence.model_copy(update=facts)
