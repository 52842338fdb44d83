"""Two TFX components: one leaves all that components leave behind, the other says what it found of it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any, ClassVar

from tfx import types
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_component, executor_spec
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.proto import example_gen_pb2
from tfx.types import standard_artifacts
from tfx.types.artifact_utils import decode_split_names, encode_split_names
from tfx.types.channel import Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifact_types import PUSHED_PROPERTY, REASON_PROPERTY, AcceptanceSet, DeploymentReport, HtmlReport
from edge_deployer.ending import run_to_end
from edge_deployer.errors import Refused, TinyopsError

Artifacts = dict[str, list[types.Artifact]]


class Write(BaseExecutor):
    """Sets each kind of property as the components of the pipeline set them."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        del input_dict
        made = {key: artifacts[0] for key, artifacts in output_dict.items()}
        made["examples"].split_names = encode_split_names(["train", "eval"])
        made["examples"].span = 3
        examples_utils.set_payload_format(made["examples"], example_gen_pb2.FORMAT_TF_EXAMPLE)
        made["examples"].set_string_custom_property("data_sha256", "ab12")
        made["examples"].set_json_value_custom_property("listed", [1, "two"])
        made["examples"].set_json_value_custom_property("nested", {"train": {"ok": True}})
        made["blessing"].set_int_custom_property("blessed", exec_properties["count"])
        made["blessing"].set_string_custom_property("current_model", made["examples"].uri)
        made["report"].set_int_custom_property(PUSHED_PROPERTY, 1)
        made["report"].set_string_custom_property(REASON_PROPERTY, "")
        Path(made["examples"].uri, "Split-train").mkdir()
        Path(made["examples"].uri, "Split-train", "data").write_text(json.dumps(exec_properties, sort_keys=True))
        Path(made["html"].uri, "report.html").write_text("<p>")


class Read(BaseExecutor):
    """Reads them as the components of the pipeline read them."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        given = {key: artifacts[0] for key, artifacts in input_dict.items()}
        found = {
            "classes": {key: type(artifact).__name__ for key, artifact in given.items()},
            "splits": decode_split_names(given["examples"].split_names),
            "span": given["examples"].span,
            "payload_format": examples_utils.get_payload_format(given["examples"]),
            "data_sha256": given["examples"].get_string_custom_property("data_sha256"),
            "listed": given["examples"].get_json_value_custom_property("listed"),
            "nested": given["examples"].get_json_value_custom_property("nested"),
            "added": given["examples"].has_custom_property("store_session_info"),
            "blessed": given["blessing"].get_int_custom_property("blessed"),
            "current_model": given["blessing"].get_string_custom_property("current_model"),
            "examples_uri": given["examples"].uri,
            "pushed": given["report"].get_int_custom_property(PUSHED_PROPERTY),
            "reason": given["report"].get_string_custom_property(REASON_PROPERTY),
            "acceptance_is_folder": Path(given["acceptance_set"].uri).is_dir(),
            "ids": len({artifact.id for artifact in given.values()}),
            "parameters": exec_properties,
        }
        Path(output_dict["found"][0].uri, "found.json").write_text(json.dumps(found))


class WriterSpec(ComponentSpec):
    PARAMETERS: ClassVar[dict[str, Any]] = {
        "count": ExecutionParameter(type=int),
        "share": ExecutionParameter(type=float),
        "words": ExecutionParameter(type=str),
        "absent": ExecutionParameter(type=str, optional=True),
    }
    INPUTS: ClassVar[dict[str, Any]] = {}
    OUTPUTS: ClassVar[dict[str, Any]] = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
        "acceptance_set": ChannelParameter(type=AcceptanceSet),
        "report": ChannelParameter(type=DeploymentReport),
        "html": ChannelParameter(type=HtmlReport),
    }


class Writer(base_component.BaseComponent):
    SPEC_CLASS = WriterSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Write)

    def __init__(self, **parameters: Any) -> None:
        outputs = {key: Channel(type=parameter.type) for key, parameter in WriterSpec.OUTPUTS.items()}
        super().__init__(WriterSpec(**parameters, **outputs))


class ReaderSpec(ComponentSpec):
    PARAMETERS: ClassVar[dict[str, Any]] = {"root": ExecutionParameter(type=str)}
    INPUTS: ClassVar[dict[str, Any]] = {
        key: parameter for key, parameter in WriterSpec.OUTPUTS.items() if key != "html"
    }
    OUTPUTS: ClassVar[dict[str, Any]] = {"found": ChannelParameter(type=standard_artifacts.Model)}


class Reader(base_component.BaseComponent):
    SPEC_CLASS = ReaderSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Read)

    def __init__(self, root: str, **inputs: Any) -> None:
        super().__init__(ReaderSpec(root=root, found=Channel(type=standard_artifacts.Model), **inputs))


class Refuse(BaseExecutor):
    def Do(self, *_: Any) -> None:
        raise Refused("not promoted: too\nslow", remedy="read the report")


class Mend(BaseExecutor):
    def Do(self, *_: Any) -> None:
        raise TinyopsError("data.npz has no array 'label'", remedy="x" * 5000)


class Deploy(BaseExecutor):
    """Is told to end while boards are on trial."""

    def Do(self, _: Artifacts, output_dict: Artifacts, __: dict[str, Any]) -> None:
        taken_back = Path(output_dict["found"][0].uri, "taken_back")

        async def deployment() -> None:
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                await asyncio.sleep(0)
                taken_back.touch()
                raise

        run_to_end(deployment())
