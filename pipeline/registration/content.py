"""Whether the version that a server has is the file at hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from edge_deployer.errors import TinyopsError
from pipeline.kubeflow.compilation.pipeline_file import PipelineFile


@dataclass(frozen=True)
class Content:
    """What a version runs.

    Compared as protobuf messages, not as bytes or JSON: the server does not keep the file, it parses it and writes the
    messages out again without the fields that have their default values (kubeflow/pipelines,
    backend/src/apiserver/template/v2_template.go, V2Spec.Bytes). And compared with what the server gives back rather
    than with a digest kept in a description: that is what will run, whoever registered it and however.
    """

    spec: pipeline_spec_pb2.PipelineSpec
    platform: pipeline_spec_pb2.PlatformSpec
    # By platform, its `pipelineConfig`: the messages of the kfp installed here lack what newer servers know of it.
    pipeline_configs: dict[str, Any]

    @property
    def asks_of_kubernetes(self) -> bool:
        """Whether it has a platform document."""
        return bool(self.platform.platforms or self.pipeline_configs)

    @classmethod
    def of_file(cls, file: PipelineFile) -> Content:
        """The content of a compiled file.

        Raises:
            TinyopsError: it is not what KFP's messages allow.
        """
        try:
            return cls._parse(file.spec, file.platform)
        except json_format.ParseError as error:
            raise TinyopsError(
                f"pipeline {file.name} does not fit KFP's messages: {error}",
                remedy="compile it again; `tinyops verify` names each place",
            ) from error

    @classmethod
    def of_version(cls, stored: Any) -> Content | None:
        """The content of a version on the server.

        Args:
            stored: `pipeline_spec` of the API's V2beta1PipelineVersion: the PipelineSpec itself, or, where there is a
                PlatformSpec, both as `pipeline_spec` and `platform_spec` (backend/src/apiserver/server/util.go,
                YamlStringToPipelineSpecStruct).

        Returns:
            None if it is something else, such as an Argo workflow of KFP 1.
        """
        if not isinstance(stored, dict):
            return None
        spec = stored.get("pipeline_spec", stored)
        platform = stored.get("platform_spec", {}) if spec is not stored else {}
        try:
            return cls._parse(spec, platform)
        except json_format.ParseError:
            return None

    @classmethod
    def _parse(cls, spec: dict[str, Any], platform: dict[str, Any]) -> Content:
        known, configs = _apart(platform)
        return cls(
            json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec()),
            json_format.ParseDict(known, pipeline_spec_pb2.PlatformSpec()),
            configs,
        )


def _apart(platform: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A PlatformSpec without the `pipelineConfig` of its platforms, and these, without what has its default value."""
    platforms = platform.get("platforms")
    if not isinstance(platforms, dict):
        return platform, {}
    known, configs = {}, {}
    for name, settings in platforms.items():
        known[name] = settings
        if isinstance(settings, dict) and isinstance(config := settings.get("pipelineConfig"), dict):
            known[name] = {field: value for field, value in settings.items() if field != "pipelineConfig"}
            configs[name] = {field: value for field, value in config.items() if value}
    return {**platform, "platforms": known}, {name: config for name, config in configs.items() if config}
