from __future__ import annotations

import importlib
import logging
import os
import sys
from pathlib import Path

import pytest

from pipeline.project.beam_options import beam_args
from pipeline.project.beam_section import BeamSection

USERS_MODULE = """
import logging, os

def witness(element):
    return f"{os.getpid()} {logging.getLogger().level}"
"""


def test_workers_import_what_the_run_imports_and_are_told_its_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user stands in a folder with a file that has the name of one of Python's own modules."""
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    (tmp_path / "random.py").write_text("raise ImportError('taken from the working folder')\n")
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "users_module.py").write_text(USERS_MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "modules")])
    options = {"default_sdk_harness_log_level": "ERROR"}
    args = beam_args(BeamSection(runner="multi_processing", workers=2, options=options))
    with beam.Pipeline(options=PipelineOptions(list(args))) as pipeline:
        seen = pipeline | beam.Create(range(4)) | beam.Map(importlib.import_module("users_module").witness)
        seen | beam.io.WriteToText(str(tmp_path / "seen"))
    witnesses = [line.split() for path in tmp_path.glob("seen-*") for line in path.read_text().splitlines()]
    assert len(witnesses) == 4
    assert {int(level) for _, level in witnesses} == {logging.ERROR}
    assert os.getpid() not in {int(process) for process, _ in witnesses}
