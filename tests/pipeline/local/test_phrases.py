"""What the display says of a component's outputs, where a figure could mislead."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.edge_deployer.report import sample_reports

if TYPE_CHECKING:
    from pipeline.local.lineage import Outputs


def outputs(folder: Path, name: str) -> Outputs:
    """One output that lies in a folder."""
    from ml_metadata.proto import metadata_store_pb2 as proto

    from pipeline.local.lineage import Outputs

    return Outputs(cached=False, artifacts={name: proto.Artifact(uri=str(folder))})


def test_where_the_only_blessed_model_is_the_candidate_it_is_not_said_that_none_was_blessed(tmp_path: Path) -> None:
    from pipeline.local.phrases import phrase

    assert phrase("LatestBlessedModel", outputs(tmp_path, "baseline_model")) == "no other blessed model"


@pytest.mark.parametrize(
    ("latency_us", "note", "said"),
    [
        (2_700.0, "TFLM's reference kernels", "about 2.7 ms"),
        (None, "the work of ethos-u cannot be counted", "no latency figure (the work of ethos-u cannot be counted)"),
    ],
)
def test_a_validated_model_has_an_arena_of_this_host_and_a_latency_or_the_reason_why_not(
    latency_us: float | None, note: str, said: str, tmp_path: Path
) -> None:
    from edge_deployer.release.validation_report import FILE_NAME
    from pipeline.local.phrases import phrase

    found = sample_reports.validation().model_copy(update={"latency_us": latency_us, "latency_note": note})
    (tmp_path / FILE_NAME).write_text(found.model_dump_json())
    told = phrase("TFLMValidator", outputs(tmp_path, "blessing"))
    assert told == f"arena 2,768 of 65,536 bytes on a 64-bit host, {said}, blessed"
