"""What a component takes and makes, as a Kubeflow pipeline sees it: out of the component's class.

kfp loads no artifact types but Kubeflow's own (kfp.dsl.types.type_utils.validate_schema_title). A type of TFX or of
ours goes by the one that TFX says it is a kind of; the step itself is told the true one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from google.protobuf.message import Message
from kfp import dsl
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.orchestration.kubeflow.v2 import compiler_utils
from tfx.types import artifact, system_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter
from tfx.utils import name_utils

from components.artifact_types import HtmlReport, MarkdownReport
from components.fingerprint_driver import FINGERPRINT
from pipeline.catalogue import docstrings, stock_components
from pipeline.catalogue.beyond_specs import EXAMPLES, FILLED_IN, REQUIRED
from pipeline.project.compatibility import ONLY_NEWER_INPUTS
from pipeline.project.component_names import COMPONENTS
from pipeline.project.step_names import NEVER_CACHED

# kfp.pipeline_spec.ParameterType.ParameterTypeEnum.
_TYPES: Final = {str: "STRING", int: "NUMBER_INTEGER", float: "NUMBER_DOUBLE", bool: "BOOLEAN"}

# TFX's title for any type but its own.
_NOT_OF_TFX: Final = "tfx.Artifact"

_KUBEFLOW_TYPES: Final[Mapping[type, type[dsl.Artifact]]] = {
    system_artifacts.Dataset: dsl.Dataset,
    system_artifacts.Model: dsl.Model,
    HtmlReport: dsl.HTML,
    MarkdownReport: dsl.Markdown,
}


NOT_CACHEABLE: Final = (
    "Its outcome depends on more than Kubeflow's cache looks at: turn caching off for its task, with "
    "`task.set_caching_options(False)`."
)
"""What to say of a component that is not `Interface.cacheable`."""


@dataclass(frozen=True)
class Artifact:
    """An input or an output."""

    name: str  # Its name.
    type: str  # Title of the type that TFX's code knows, e.g. ``tfx.Examples``.
    kubeflow_type: str  # Title of the type that Kubeflow is told, e.g. ``system.Dataset``.
    optional: bool  # Whether a pipeline may leave the input out; whether the output may be empty.
    description: str  # What it is.


@dataclass(frozen=True)
class Parameter:
    """An execution parameter."""

    name: str  # Its name.
    type: str  # ``STRING``, ``NUMBER_INTEGER``, ``NUMBER_DOUBLE`` or ``BOOLEAN``.
    optional: bool  # Whether a pipeline may leave it out.
    default: str | int | None  # What it is then; None where it has no value then.
    description: str  # What it is; says so if the text is JSON.
    example: str | None  # A value, if the text is JSON.


@dataclass(frozen=True)
class Interface:
    """A component."""

    name: str  # Of its class.
    description: tuple[str, ...]  # A paragraph an item.
    inputs: tuple[Artifact, ...]  # Artifacts that it takes.
    parameters: tuple[Parameter, ...]  # The rest that it takes.
    outputs: tuple[Artifact, ...]  # Artifacts that it makes.
    cacheable: bool  # Whether Kubeflow's cache, which looks at inputs and parameters alone, may serve it.
    executor: str  # Import path of the class that does the work.
    on_beam: bool  # Whether it does so on Beam.

    @property
    def summary(self) -> str:
        """The first sentence of the description."""
        return f"{self.description[0].rstrip('.').partition('. ')[0]}."


def interface(name: str) -> Interface:
    """Interface of a component.

    Args:
        name: one of `COMPONENTS`.
    """
    kind: type[BaseComponent] = getattr(import_module(COMPONENTS[name]), name)
    description, described = _described(name, kind)
    spec = kind.SPEC_CLASS
    return Interface(
        name=name,
        description=description,
        inputs=tuple(
            _artifact(key, channel, name, described)
            for key, channel in spec.INPUTS.items()
            if key not in ONLY_NEWER_INPUTS.get(name, ())
        ),
        parameters=tuple(_parameter(key, declared, name, described) for key, declared in _given(spec.PARAMETERS)),
        outputs=tuple(_artifact(key, channel, name, described) for key, channel in spec.OUTPUTS.items()),
        cacheable=name not in NEVER_CACHED,
        executor=name_utils.get_full_name(kind.EXECUTOR_SPEC.executor_class),
        on_beam=isinstance(kind.EXECUTOR_SPEC, BeamExecutorSpec),
    )


def _described(name: str, kind: type[BaseComponent]) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """What it does, and what each input, parameter and output is; no input is named as an output is."""
    parts = stock_components.PARTS.get(name, {})
    if name in stock_components.DESCRIPTIONS:
        return stock_components.DESCRIPTIONS[name], parts
    return docstrings.description(kind), {**docstrings.parts(kind), **parts}


def _given(parameters: Mapping[str, ExecutionParameter]) -> Iterator[tuple[str, ExecutionParameter]]:
    """Those that can be given on Kubeflow.

    It runs no drivers, which set `FINGERPRINT`; and TFX hands over text where an executor wants the message itself
    (`use_proto`).
    """
    for name, declared in parameters.items():
        if name != FINGERPRINT and not declared.use_proto:
            yield name, declared


def _artifact(name: str, channel: ChannelParameter, component: str, described: Mapping[str, str]) -> Artifact:
    return Artifact(
        name=name,
        type=_title(channel.type),
        kubeflow_type=_kubeflow_type(channel.type).schema_title,
        optional=channel.optional and name not in REQUIRED.get(component, ()),
        description=described[name],
    )


def _title(kind: type[artifact.Artifact]) -> str:
    """The title under which the entrypoint finds the class again."""
    title = compiler_utils.get_artifact_title(kind)
    return str(kind.TYPE_NAME if title == _NOT_OF_TFX else title)


def _kubeflow_type(kind: type[artifact.Artifact]) -> type[dsl.Artifact]:
    return _KUBEFLOW_TYPES.get(kind) or _KUBEFLOW_TYPES.get(kind.TYPE_ANNOTATION or kind, dsl.Artifact)


def _parameter(name: str, declared: ExecutionParameter, component: str, described: Mapping[str, str]) -> Parameter:
    default = FILLED_IN.get(component, {}).get(name)
    return Parameter(
        name=name,
        type=_TYPES.get(declared.type, "STRING"),
        optional=default is not None or (declared.optional and name not in REQUIRED.get(component, ())),
        default=default,
        description=f"{_sentence(described[name])}{_form(name, declared.type)}",
        example=EXAMPLES.get(name),
    )


def _form(name: str, kind: Any) -> str:
    message: Any = kind if isinstance(kind, type) and issubclass(kind, Message) else None
    if message is not None:
        return f" As JSON of `{message.DESCRIPTOR.full_name}`."
    return " As JSON." if name in EXAMPLES else ""


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
