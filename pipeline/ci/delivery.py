"""One call of `tinyops ci`: decide, do, remember."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from edge_deployer.errors import TinyopsError
from pipeline.ci.changes import Findings
from pipeline.ci.decision import Plan, Step
from pipeline.ci.state import State, save_state
from pipeline.ci.steps import Steps

Outcome = Literal["passed", "failed", "not run", "held"]


@dataclass(frozen=True)
class StepOutcome:
    """How a step ended.

    Attributes:
        step: which.
        outcome: held if it waits for an approval.
        seconds: that it took.
        detail: what it did, or why it failed.
    """

    step: Step
    outcome: Outcome
    seconds: float = 0.0
    detail: str = ""


@dataclass
class Delivery:
    """What was done.

    Attributes:
        plan: what was to be done.
        steps: what does it.
        outcomes: of each step of the plan, in order.
        error: of the step that failed.
    """

    plan: Plan
    steps: Steps
    outcomes: list[StepOutcome] = field(default_factory=list)
    error: TinyopsError | None = None

    def run(self, follow: Callable[[StepOutcome], None], after: Callable[[Step], None]) -> None:
        """Run the plan's steps until one fails.

        Args:
            follow: called with each outcome.
            after: called when a step has passed.

        Raises:
            KeyboardInterrupt: the user stopped it.
        """
        actions = self.steps.by_name()
        for step in (*self.plan.steps, *self.plan.held):
            outcome = self._without_running(step) or self._perform(step, actions[step])
            self.outcomes.append(outcome)
            follow(outcome)
            if outcome.outcome == "passed":
                after(step)

    def _without_running(self, step: Step) -> StepOutcome | None:
        if self.error is not None:
            return StepOutcome(step, "not run")
        return StepOutcome(step, "held") if step in self.plan.held else None

    def _perform(self, step: Step, action: Callable[[], str]) -> StepOutcome:
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
    """Remembers how far a delivery came, step by step: one that is interrupted need not test again.

    Attributes:
        path: of the state.
        state: as it is in the file.
        findings: the revision that is delivered.
        plan: for it.
        clean: whether all is committed; what is not has no name to be remembered by.
    """

    path: Path
    state: State
    findings: Findings
    plan: Plan
    clean: bool

    def after(self, step: Step) -> None:
        """To be called when a step has passed."""
        commit = self.findings.revision.commit
        if step is Step.TESTS:
            self._keep(self.state.model_copy(update={"tested": commit}))
        if self.plan.complete and step is self.plan.steps[-1]:
            self._keep(self.state.model_copy(update={"finished": self.findings.revision}))

    def _keep(self, state: State) -> None:
        if self.clean:
            save_state(state, self.path)
            self.state = state
