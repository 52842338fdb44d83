"""One call of `tinyops ci`: decide, do, remember."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from edge_deployer.errors import TinyopsError
from pipeline.ci.decision import CiStep, Plan
from pipeline.ci.refusal import ReleaseRefused
from pipeline.ci.state import BuiltImage, Revision, State, save_state
from pipeline.ci.steps import Job, Steps

StepStatus = Literal["passed", "failed", "not run", "held"]


@dataclass(frozen=True)
class StepOutcome:
    """How a step ended."""

    step: CiStep  # Which.
    outcome: StepStatus  # Held if it waits for an approval.
    seconds: float = 0.0  # That it took.
    detail: str = ""  # What it did, or why it failed.


@dataclass
class Delivery:
    """What was done."""

    plan: Plan
    steps: Steps
    outcomes: list[StepOutcome] = field(default_factory=list)
    error: TinyopsError | None = None

    def run(self, follow: Callable[[StepOutcome], None], memory: Memory) -> None:
        """Run the plan's steps until one fails.

        Raises:
            Ended: a signal stopped it.
        """
        # What it says is of an earlier run.
        self.steps.job.junit.unlink(missing_ok=True)
        actions = self.steps.by_name()
        for step in (*self.plan.steps, *self.plan.held):
            outcome = self._without_running(step) or self._perform(step, actions[step])
            self.outcomes.append(outcome)
            follow(outcome)
            if outcome.outcome == "passed":
                memory.after(step, self.steps.run_id)
        if isinstance(self.error, ReleaseRefused):
            memory.finish(self.steps.run_id)

    def _without_running(self, step: CiStep) -> StepOutcome | None:
        if self.error is not None:
            return StepOutcome(step, "not run")
        return StepOutcome(step, "held") if step in self.plan.held else None

    def _perform(self, step: CiStep, action: Callable[[], str]) -> StepOutcome:
        clock = self.steps.tools.clock
        started = clock.now()
        try:
            detail = action()
        except TinyopsError as error:
            self.error = error
            return StepOutcome(step, "failed", clock.now() - started, error.message)
        return StepOutcome(step, "passed", clock.now() - started, detail)


@dataclass
class Memory:
    """Remembers how far a delivery came, step by step: one that is interrupted need not test again."""

    path: Path  # Of the state.
    state: State  # As it is in the file.
    job: Job  # What is delivered.
    revision: Revision  # Of it.
    plan: Plan  # For it.
    clean: bool  # Whether all is committed; what is not has no name to be remembered by.

    def begin(self) -> None:
        """To be called before the first step. Data that could be read for the first time has not changed since."""
        finished = self.state.finished
        if finished is not None and finished.data is None and self.revision.data is not None:
            self._keep(finished=finished.model_copy(update={"data": self.revision.data}))

    def after(self, step: CiStep, run_id: str | None) -> None:
        """To be called when a step has passed."""
        if step is CiStep.TESTS:
            self._keep(tested=self.revision.commit)
        if step is CiStep.BUILD:
            self._keep(image=BuiltImage(name=str(self.job.image), revision=self.revision))
        if step is self.plan.steps[-1]:
            self.finish(run_id)

    def finish(self, run_id: str | None) -> None:
        """To be called when there is nothing left to do; a model that was refused is not tried again."""
        if not self.plan.complete:
            return
        last = self.state.finished
        data = self.revision.data or (last.data if last else None)
        self._keep(finished=Revision(commit=self.revision.commit, data=data), run=run_id or self.state.run)

    def _keep(self, **news: object) -> None:
        if self.clean:
            self.state = self.state.model_copy(update=news)
            save_state(self.state, self.path)
