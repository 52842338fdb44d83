"""What runs in a step's container on Kubeflow: ``python -m pipeline.kubeflow.step.entrypoint``, with TFX's arguments.

TFX has an entrypoint for Kubeflow, but for Google's: open-source Kubeflow's launcher leaves out what it reads. This one
fills that in, has TFX's run the component in the same process, and hands back what the launcher takes.

Exit status: 0 done, 1 an error, 3 a refusal (the network would not run on the board, or the release was not
promoted), 143 asked to end by SIGTERM (128 and the number of another signal). Whatever ended the step is the last line
of its log, and the message that Kubernetes shows for its container.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Final

from edge_deployer.ending import StepEnded, listening
from edge_deployer.errors import Refused, TinyopsError
from edge_deployer.signing_secret import take_from_environment
from pipeline.kubeflow.step import executor_output
from pipeline.kubeflow.step.executor_input import ExecutorInput, InputDefinitions, for_tfx, make_folders, parse
from pipeline.kubeflow.step.mounts import stores_are_folders
from pipeline.kubeflow.step.project_module import add_to_import_path
from pipeline.project.heavy_imports import heavy_imports

EXIT_ERROR: Final = 1
EXIT_REFUSED: Final = 3

TERMINATION_LOG: Final = "TINYOPS_TERMINATION_LOG"
"""Environment variable: the file for the message, if it is not Kubernetes' own."""

PIPELINE_ROOT: Final = "TINYOPS_PIPELINE_ROOT"
"""Environment variable: folder of all runs in the object store, for the first step to look whether it can be opened."""

# terminationMessagePath of a container, and how much of it Kubernetes reads.
_TERMINATION_LOG = "/dev/termination-log"
_TERMINATION_LOG_BYTES = 4096

_EXECUTOR = "--executor_class_path"
_INPUT = "--json_serialized_invocation_args"
_DEFINITIONS = "--json_serialized_inputs_spec_args"


def main() -> int:
    """Run the step that the command line describes; returns the exit status."""
    take_from_environment()
    arguments = sys.argv[1:]
    # TFX and Beam parse sys.argv again, each with options of its own.
    del sys.argv[1:]
    sys.excepthook = _explain_unforeseen
    try:
        with listening(StepEnded):
            run(arguments)
    except TinyopsError as error:
        _explain("; ".join(filter(None, (error.message, error.remedy))))
        return EXIT_REFUSED if isinstance(error, Refused) else EXIT_ERROR
    except StepEnded as ended:
        _explain(f"the step is not done and can be run again: it was {ended}")
        return ended.status
    return 0


def run(arguments: list[str]) -> None:
    """Run a step.

    Args:
        arguments: as TFX's compiler writes them, with the launcher's ExecutorInput in the place of ``{{$}}``; what is
            not an option of the entrypoint is for Beam.

    Raises:
        TinyopsError: an argument is missing or makes no sense, or the component found something that a user can mend.
        StepEnded: the step was asked to end.
    """
    rest = list(arguments)
    executor, text, definitions = (_take(option, rest) for option in (_EXECUTOR, _INPUT, _DEFINITIONS))
    given = parse(ExecutorInput, text, "the executor input")
    declared = parse(InputDefinitions, definitions, "the component's input definitions")
    add_to_import_path(os.environ)
    with heavy_imports():
        from absl import flags
        from absl import logging as absl_logging
        from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor
        from tfx.utils import import_utils

        # TFX does it again, when it costs nothing any more.
        import_utils.import_class_by_path(executor)
    if PIPELINE_ROOT in os.environ and not stores_are_folders():
        _require_pipeline_root(os.environ[PIPELINE_ROOT])
    absl_logging.use_absl_handler()
    # The steps that TFLMPusher takes on boards are told there.
    logging.getLogger("tinyops").setLevel(logging.INFO)
    flags.FLAGS.mark_as_parsed()
    adapted = for_tfx(given, declared, _class_paths())
    make_folders(adapted)
    options = argparse.Namespace(
        executor_class_path=executor,
        json_serialized_invocation_args=adapted.to_json(),
        json_serialized_inputs_spec_args=definitions,
    )
    kubeflow_v2_run_executor.main((options, rest))
    executor_output.finish(given)


def _require_pipeline_root(folder: str) -> None:
    """Ask the object store now: the step that looks for a baseline there runs after the training."""
    from components import object_store

    try:
        object_store.require_answer(folder)
    except TinyopsError as error:
        raise TinyopsError(
            error.message,
            remedy="say in kubeflow.object_store where the cluster's store is, and compile again; before Kubeflow "
            "Pipelines 2.16 the endpoint is http://minio-service.kubeflow:9000",
        ) from error


def _class_paths() -> dict[str, str]:
    """Where the classes of our artifact types are, by the title that a compiled pipeline gives them."""
    from tfx.types.artifact import Artifact

    from components import artifact_types

    return {
        kind.TYPE_NAME: f"{kind.__module__}.{kind.__qualname__}"
        for kind in vars(artifact_types).values()
        if isinstance(kind, type) and issubclass(kind, Artifact) and kind.TYPE_NAME
    }


def _take(option: str, arguments: list[str]) -> str:
    """Remove an option and its value, and return the value."""
    if option not in arguments[:-1]:
        raise TinyopsError(
            f"the argument {option} is missing", remedy="compile the pipeline again with `tinyops compile`"
        )
    place = arguments.index(option)
    del arguments[place]
    return arguments.pop(place)


def _explain_unforeseen(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    sys.__excepthook__(kind, error, trace)
    _explain(f"{kind.__name__}: {error}; look for the cause in the traceback above")


def _explain(message: str) -> None:
    """Say in one line why the step did not succeed, in the log and where Kubernetes looks for it."""
    # A path may hold bytes that are no text.
    line = " ".join(f"error: {message}".split()).encode(errors="replace").decode()
    sys.stdout.flush()
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
    # Not there outside of Kubernetes, and no file of ours to make.
    with contextlib.suppress(OSError), Path(os.environ.get(TERMINATION_LOG, _TERMINATION_LOG)).open("r+b") as file:
        file.truncate()
        file.write(line.encode(errors="replace")[:_TERMINATION_LOG_BYTES].decode(errors="ignore").encode())


if __name__ == "__main__":
    sys.exit(main())
