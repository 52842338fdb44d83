"""One ExampleGen in a process of its own: ``python -m benchmarks.example_gen_child ours|theirs DATA PLACE FOLDER``.

`DATA` is the `data` section of a project file as JSON; TFX's ImportExampleGen (``theirs``) reads the TFRecords of an
Examples artifact instead, and `DATA` is left empty. Prints what it cost, its imports left out, as JSON.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from typing import Any

from tfx.components.example_gen.import_example_gen.executor import Executor as Theirs
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.proto import example_gen_pb2
from tfx.types import standard_artifacts

from components.sensor_example_gen.executor import Executor as Ours
from pipeline.project.beam_options import beam_args
from pipeline.project.beam_section import BeamSection


def _executor(what: str, data: str, place: str) -> tuple[BaseBeamExecutor, dict[str, Any]]:
    """An ExampleGen, and what it is told."""
    context = BaseBeamExecutor.Context(beam_pipeline_args=list(beam_args(BeamSection())))
    if what == "ours":
        return Ours(context), {"data": data, "data_file": place}
    splits = [{"name": "train", "hash_buckets": 4}, {"name": "eval", "hash_buckets": 1}]
    told = {
        "input_base": place,
        "input_config": json.dumps({"splits": [{"name": "all", "pattern": "Split-*/*"}]}),
        "output_config": json.dumps({"split_config": {"splits": splits}}),
        "output_data_format": example_gen_pb2.FORMAT_TF_EXAMPLE,
    }
    return Theirs(context), told


def main(what: str, data: str, place: str, folder: str) -> None:
    """Run one."""
    executor, told = _executor(what, data, place)
    examples = standard_artifacts.Examples()
    examples.uri = folder
    began, used = time.perf_counter(), time.process_time()
    executor.Do({}, {"examples": [examples]}, told)
    cost = {"seconds": time.perf_counter() - began, "processor_seconds": time.process_time() - used}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({**cost, "peak_bytes": peak * 1024}))


if __name__ == "__main__":
    main(*sys.argv[1:])
