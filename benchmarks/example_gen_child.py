"""One ExampleGen in a process of its own: ``python -m benchmarks.example_gen_child ours|imported TOLD``.

`TOLD` is JSON: for ``ours`` the `data` section and where the data is, for ``imported`` the folder of TFRecords. Prints
what it cost, without the imports, as JSON.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

from pipeline.project.beam_options import beam_args
from pipeline.project.beam_section import BeamSection


def _ours(told: dict[str, Any]) -> Callable[[], None]:
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor

    from components.sensor_example_gen.executor import Executor

    executor = Executor(BaseBeamExecutor.Context(beam_pipeline_args=list(beam_args(BeamSection()))))
    properties = {"data": told["data"], "data_file": told["place"]}
    examples = _examples(told["folder"])
    return lambda: executor.Do({}, {"examples": [examples]}, properties)


def _imported(told: dict[str, Any]) -> Callable[[], None]:
    from tfx.components.example_gen.import_example_gen.executor import Executor
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor

    executor = Executor(BaseBeamExecutor.Context(beam_pipeline_args=list(beam_args(BeamSection()))))
    buckets = [{"name": "train", "hash_buckets": 4}, {"name": "eval", "hash_buckets": 1}]
    properties = {
        "input_base": told["place"],
        "input_config": json.dumps({"splits": [{"name": "all", "pattern": "*/*.gz"}]}),
        "output_config": json.dumps({"split_config": {"splits": buckets}}),
        "output_data_format": 6,  # FORMAT_TF_EXAMPLE
    }
    examples = _examples(told["folder"])
    return lambda: executor.Do({}, {"examples": [examples]}, properties)


def _examples(folder: str) -> Any:
    from tfx.types import standard_artifacts

    examples = standard_artifacts.Examples()
    examples.uri = folder
    return examples


def main(what: str, told: dict[str, Any]) -> None:
    """Run it."""
    generate = {"ours": _ours, "imported": _imported}[what](told)
    wall, processor = time.perf_counter(), time.process_time()
    generate()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": wall, "processor": processor, "peak": peak}))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
