"""Executor of ProjectSchema."""

from __future__ import annotations

from typing import Final

from tfx.components.statistics_gen import stats_artifact_utils
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import io_utils

from components.artifact_types import Artifacts, Properties
from components.project_schema.inference import schema_of
from components.project_schema.schema_text import parse_schema

_FILE: Final = "schema.pbtxt"
"""The name that TFX gives it."""


class Executor(base_executor.BaseExecutor):
    """Writes the schema."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Properties) -> None:
        """Take the project's schema, or infer one.

        Raises:
            TinyopsError: what was given is no schema.
        """
        given = exec_properties.get("schema_text")
        if given:
            schema = parse_schema(given, "the schema in the parameter `schema_text`")
        else:
            statistics = artifact_utils.get_single_instance(input_dict["statistics"])
            splits = artifact_utils.decode_split_names(statistics.split_names)
            schema = schema_of([stats_artifact_utils.load_statistics(statistics, split).proto() for split in splits])
        folder = artifact_utils.get_single_uri(output_dict["schema"])
        io_utils.write_pbtxt_file(f"{folder}/{_FILE}", schema)
