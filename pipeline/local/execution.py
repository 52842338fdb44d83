"""One run under TFX's LocalDagRunner, told as events."""

from __future__ import annotations

import logging
import os
from typing import TextIO

from absl import logging as absl_logging
from tfx.orchestration import metadata
from tfx.orchestration.local.local_dag_runner import LocalDagRunner

import edge_deployer
from components.tflm_pusher.delivery import OUTCOME_LOGGER, STEP_LOGGER
from components.trainer.environment import BOARD_PROFILE
from components.trainer.executor import TRAINING_LOGGER
from pipeline.dag import Places, build_pipeline
from pipeline.local.events import Concluded, Decided, Finished, Planned, Progressed, Started, Warned, write_event
from pipeline.local.lineage import Lineage
from pipeline.local.phrases import phrase, warnings
from pipeline.project.preflight import RunnableProject


def execute(job: RunnableProject, events: TextIO) -> None:
    """Run a project to its conclusion.

    Args:
        job: the checked project.
        events: where to tell.

    Raises:
        TinyopsError: a component found something that the user can mend.
    """
    lineage = Lineage(job.workspace.metadata, job.config.name)
    pipeline = build_pipeline(
        job,
        Places.here(job),
        metadata=metadata.sqlite_metadata_connection_config(str(job.workspace.metadata)),
    )
    os.environ[BOARD_PROFILE] = job.config.load_profile().model_dump_json()
    absl_logging.set_verbosity(absl_logging.INFO)
    _listen(absl_logging.get_absl_logger(), _ComponentWatcher(lineage, job, events))
    _listen(logging.getLogger(TRAINING_LOGGER), _StepWatcher("Trainer", events))
    _listen(logging.getLogger(STEP_LOGGER), _StepWatcher("TFLMPusher", events))
    # What is said of keys and of the release store is said by no component of TFX's.
    logging.getLogger(edge_deployer.__name__).addHandler(_WarningWatcher(events))
    _listen(logging.getLogger(OUTCOME_LOGGER), _OutcomeWatcher(events))
    write_event(Planned([component.id for component in pipeline.components]), events)
    LocalDagRunner().run(pipeline)
    write_event(Concluded(str(lineage.latest("TFLMPusher").folder("deployment_report"))), events)


def _listen(logger: logging.Logger, handler: logging.Handler) -> None:
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)


class _ComponentWatcher(logging.Handler):
    """Makes events of what LocalDagRunner logs; it offers no other way to follow it."""

    def __init__(self, lineage: Lineage, job: RunnableProject, events: TextIO) -> None:
        super().__init__()
        self._lineage = lineage
        self._job = job
        self._events = events

    def emit(self, record: logging.LogRecord) -> None:
        """Send an event for the two messages that matter."""
        if record.msg == "Component %s is running.":
            write_event(Started(_component(record)), self._events)
        elif record.msg == "Component %s is finished.":
            component = _component(record)
            outputs = self._lineage.latest(component)
            write_event(Finished(component, outputs.cached, phrase(component, outputs)), self._events)
            for warning in warnings(component, outputs, self._job.config.data):
                if warning not in self._job.warnings:
                    write_event(Warned(warning), self._events)


def _component(record: logging.LogRecord) -> str:
    assert isinstance(record.args, tuple)
    return str(record.args[0])


class _StepWatcher(logging.Handler):
    """Makes events of what a component says while it runs."""

    def __init__(self, component: str, events: TextIO) -> None:
        super().__init__()
        self._component = component
        self._events = events

    def emit(self, record: logging.LogRecord) -> None:
        """Send the step."""
        write_event(Progressed(self._component, record.getMessage()), self._events)


class _WarningWatcher(logging.Handler):
    """Makes events of warnings."""

    def __init__(self, events: TextIO) -> None:
        super().__init__(logging.WARNING)
        self._events = events

    def emit(self, record: logging.LogRecord) -> None:
        """Send the warning."""
        write_event(Warned(record.getMessage()), self._events)


class _OutcomeWatcher(logging.Handler):
    """Makes an event of the outcome that TFLMPusher tells."""

    def __init__(self, events: TextIO) -> None:
        super().__init__()
        self._events = events

    def emit(self, record: logging.LogRecord) -> None:
        """Send the record of the deployment."""
        write_event(Decided(vars(record)["deployment"]), self._events)
