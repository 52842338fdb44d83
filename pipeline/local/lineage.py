"""Reading one run back from ML Metadata."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2 as proto


@dataclass(frozen=True)
class Outputs:
    """What the latest execution of a component gave."""

    cached: bool  # Whether it came out of the cache.
    artifacts: dict[str, proto.Artifact]  # The first artifact of each output.

    def folder(self, output: str) -> Path:
        """Where an output lies."""
        return Path(self.artifacts[output].uri)

    def number(self, output: str, name: str) -> int:
        """An integer property of an output; 0 where it is not set."""
        return int(self._property(output, name).int_value)

    def text(self, output: str, name: str) -> str:
        """A text property of an output; empty where it is not set."""
        return str(self._property(output, name).string_value)

    def _property(self, output: str, name: str) -> proto.Value:
        artifact = self.artifacts[output]
        own = artifact.properties if name in artifact.properties else artifact.custom_properties
        return own[name] if name in own else proto.Value()


class Lineage:
    """Looks up a pipeline's executions."""

    def __init__(self, metadata: Path, pipeline: str) -> None:
        config = proto.ConnectionConfig()
        config.sqlite.filename_uri = str(metadata)
        self._config = config
        self._pipeline = pipeline

    def latest(self, component: str) -> Outputs:
        """What the component's latest execution gave."""
        store = mlmd.MetadataStore(self._config)
        context = store.get_context_by_type_and_name("node", f"{self._pipeline}.{component}")
        execution = max(store.get_executions_by_context(context.id), key=lambda found: found.id)
        events = store.get_events_by_execution_ids([execution.id])
        outputs = {event.artifact_id: event.path.steps[0].key for event in events if _is_output(event)}
        artifacts = {outputs[a.id]: a for a in store.get_artifacts_by_id(list(outputs))}
        return Outputs(execution.last_known_state == proto.Execution.CACHED, artifacts)


def _is_output(event: proto.Event) -> bool:
    return event.type in (proto.Event.OUTPUT, proto.Event.INTERNAL_OUTPUT)
