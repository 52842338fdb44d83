"""What the user's functions make of a few samples, and what their network would take on a board. Imports TensorFlow."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np
import tensorflow as tf

from components.project_schema.schema_text import parse_schema
from components.sensor_example_gen.encoding import ExampleEncoder
from components.sensor_example_gen.reading import Featured
from components.sensor_example_gen.sources.listing import Listing
from components.trainer.network import REPRESENTATIVE_EXAMPLES, Untrained, build_model_of, convert_untrained
from components.transformed import transform_records
from edge_deployer.acceptance.feasibility import require_times
from edge_deployer.acceptance.plan import Budget
from edge_deployer.errors import TinyopsError
from edge_deployer.release.fit import smallest_image
from edge_deployer.release.validation import validate_model
from edge_deployer.report import formats
from edge_deployer.report.words import in_words, remedy_in_words
from pipeline.local.checking.line import Line
from pipeline.project.config import load_config
from pipeline.project.custom_config import custom_config, training_config
from pipeline.project.data_source import data_file
from pipeline.project.preflight import RunnableProject, project_of
from pipeline.project.workspace import Workspace

_AMPLE_BYTES: Final = 64 * 1024 * 1024
"""An arena in which every network that this is for can be measured."""

_SMALLER: Final = "make the network smaller, or choose another board profile"


class Examination:
    """One project.

    Attributes:
        stage: what is looked at now.
        folder: of the user's module.
    """

    def __init__(self, orders: dict[str, Any]) -> None:
        """As `pipeline.local.checking.network.NetworkProcess` gives them."""
        self.stage = "module"
        config_file, workspace = Path(orders["config"]), Workspace(Path(orders["workspace"]))
        config = load_config(config_file)
        project = project_of(config_file, config)
        path = data_file(config.data, workspace.data)
        self._project = RunnableProject(
            config_file, config, project.module, project.schema, workspace=workspace, data_file=path, warnings=()
        )
        self._profile = config.load_profile()
        self._samples = Path(orders["samples"])
        self._virtual = bool(orders["virtual"])
        self.folder = project.module.folder.resolve()

    def lines(self) -> Iterator[Line]:
        """Step by step; the last one that there is may raise.

        Raises:
            TinyopsError: a run would stop with it, at `stage`.
        """
        # Last: nothing beside the user's module may take the place of what is installed.
        sys.path.append(str(self.folder))
        module = importlib.import_module(self._project.module.name)
        yield Line.passed("functions", _functions(module, self._preprocessing_fn()))
        self.stage = "preprocessing"
        given = self._records()
        records = self._transformed(given)
        yield Line.passed("preprocessing", _features(given[0], records[0]))
        self.stage = "network"
        build_model = build_model_of(module)
        if build_model is None:
            yield Line(
                name="network",
                state="warns",
                told="what it takes on a board is known when it is trained: the module has no build_model(config)",
                remedy="define build_model(config), which returns the network untrained",
            )
            return
        config = training_config(self._project)
        network = build_model(config)
        untrained = convert_untrained(network, records[:REPRESENTATIVE_EXAMPLES], config)
        size = formats.byte_count(len(untrained.model))
        told = f"{formats.grouped(network.count_params())} parameters; in int8 {size}"
        yield Line.passed("network", f"{told}; task {untrained.task.name}")
        self.stage = "operators"
        yield from self._on_board(untrained)

    def _preprocessing_fn(self) -> Any:
        module = importlib.import_module(self._project.module.preprocessing_name)
        return module.preprocessing_fn

    def _records(self) -> list[bytes]:
        """The samples as SensorExampleGen writes them."""
        with np.load(self._samples) as stored:
            columns = {name: stored[name] for name in stored.files}
        features = columns.pop("features")
        listing = Listing(**{"labels": None, **columns})
        samples = [Featured(values, index) for index, values in enumerate(features)]
        return ExampleEncoder.of(self._project.config.data).encode(samples, listing)

    def _transformed(self, records: list[bytes]) -> list[bytes]:
        project = self._project
        schema = None if project.schema is None else parse_schema(project.schema, f"schema {project.schema_file}")
        return transform_records(records, self._preprocessing_fn(), custom_config(project), schema)

    def _on_board(self, untrained: Untrained) -> Iterator[Line]:
        """Measured without limits, and held against those of the profile, so that each shows how far it is off."""
        pages = _AMPLE_BYTES // self._profile.page_bytes
        ample = {"arena_bytes": _AMPLE_BYTES, "slot_bytes": pages * self._profile.page_bytes}
        boundless = self._profile.model_copy(update=ample)
        report = validate_model(untrained.model, boundless, None, acceptance_samples=1, seed=0).report
        if report.reason is None:
            told = ", ".join(f"{count} {name}" for name, count in sorted(report.operators.items()))
            yield Line.passed("operators", told)
        else:
            yield Line(
                name="operators",
                state="failed",
                told=in_words(report.reason),
                remedy=remedy_in_words(report.reason) or "build the network of other layers",
            )
        budget = self._project.config.acceptance.budget(self._profile.name)
        yield _held_against(
            "flash", smallest_image(len(untrained.model)), self._profile.image_bytes, budget.flash_bytes
        )
        if report.arena_bytes is not None:
            yield _held_against("arena", report.arena_bytes, self._profile.arena_bytes, budget.arena_bytes)
        yield self._latency(untrained.model, report.latency_us, report.latency_note, budget)

    def _latency(self, model: bytes, estimate: float | None, note: str | None, budget: Budget) -> Line:
        if estimate is None:
            if self._virtual:
                require_times(self._project.config.acceptance, [self._profile.name], model)
            return Line(name="latency", state="skipped", told=f"not estimated: {note}")
        limits = budget.latency_limits
        told = f"about {formats.duration_us(estimate)} on {self._profile.name}, estimated"
        over = {name: limit for name, limit in limits.items() if estimate > limit}
        if not over:
            limited = ", within " + ", ".join(f"{name} {formats.duration_us(limit)}" for name, limit in limits.items())
            return Line.passed("latency", f"{told}{limited if limits else ''}")
        allowed = ", ".join(f"{name} {formats.duration_us(limit)}" for name, limit in over.items())
        # A virtual board is as fast as the estimate; a real one tells itself.
        return Line(
            name="latency",
            state="failed" if self._virtual else "warns",
            told=f"{told}; the plan allows {allowed}",
            remedy=_SMALLER,
        )


def _functions(module: ModuleType, preprocessing_fn: Any) -> str:
    """Their signatures.

    Raises:
        TinyopsError: one cannot be called as TFX calls it.
    """
    _require_call(preprocessing_fn, "preprocessing_fn", ("inputs",), optional="custom_config")
    _require_call(module.run_fn, "run_fn", ("fn_args",))
    build_model = build_model_of(module)
    functions = [preprocessing_fn, *([] if build_model is None else [build_model]), module.run_fn]
    return ", ".join(f"{function.__name__}({_parameters(function)})" for function in functions)


def _require_call(function: Any, name: str, wanted: Sequence[str], *, optional: str | None = None) -> None:
    signature = inspect.signature(function)
    extra = {optional: None} if optional is not None and optional in signature.parameters else {}
    try:
        signature.bind(*wanted, **extra)
    except TypeError as error:
        shown = ", ".join([*wanted, *([] if optional is None else [optional])])
        raise TinyopsError(
            f"{name}({_parameters(function)}) cannot be called as {name}({', '.join(wanted)}): {error}",
            remedy=f"define it as {name}({shown})",
        ) from error


def _parameters(function: Any) -> str:
    return ", ".join(inspect.signature(function).parameters)


def _features(given: bytes, made: bytes) -> str:
    before, after = _sizes(given), _sizes(made)
    told = ", ".join(f"{name} {formats.grouped(size)}" for name, size in sorted(after.items()))
    same = tf.train.Example.FromString(given) == tf.train.Example.FromString(made)
    return f"values a sample: {told}" + ("; as the data has them" if same and before == after else "")


def _sizes(record: bytes) -> Counter[str]:
    features = tf.train.Example.FromString(record).features.feature
    return Counter({name: len(getattr(one, one.WhichOneof("kind")).value) for name, one in features.items()})


def _held_against(name: str, needed: int, has: int, budget: int | None) -> Line:
    limit = min(has, budget or has)
    told = f"{formats.byte_count(needed)} of {formats.byte_count(limit)}"
    if needed <= limit:
        return Line.passed(name, told)
    return Line(name=name, state="failed", told=told, remedy=_SMALLER)
