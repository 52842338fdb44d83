from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge_deployer.errors import TinyopsError
from pipeline.project.beam_options import beam_args
from pipeline.project.beam_section import BeamSection
from pipeline.project.preflight import load_project

IN_MEMORY = (
    "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
    "--direct_running_mode=in_memory",
    "--sdk_container_image=none",
)
EXTERNAL = {"job_endpoint": "jobs:8099", "environment_type": "EXTERNAL", "environment_config": "localhost:50000"}
IMAGE = "registry.example.com/strokes/pipeline:1.4.0"


def parsed(section: BeamSection) -> dict[str, Any]:
    from apache_beam.options.pipeline_options import PipelineOptions

    return PipelineOptions(list(beam_args(section))).get_all_options()


def test_a_project_that_says_nothing_runs_in_memory() -> None:
    assert beam_args(BeamSection()) == IN_MEMORY


@pytest.mark.parametrize("section", [{}, {"runner": "multi_processing", "workers": 3}])
def test_beam_is_imported_only_where_there_is_something_to_check(section: dict[str, Any]) -> None:
    program = (
        "import json, sys; from pipeline.project.beam_options import beam_args\n"
        "from pipeline.project.beam_section import BeamSection\n"
        "beam_args(BeamSection(**json.loads(sys.argv[1]))); sys.exit('apache_beam' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program, json.dumps(section)], check=False).returncode == 0


def test_processes_are_one_a_processor_or_as_many_as_asked_for() -> None:
    assert parsed(BeamSection(runner="multi_processing"))["direct_num_workers"] == 0
    assert parsed(BeamSection(runner="multi_processing", workers=3))["direct_num_workers"] == 3
    with pytest.raises(ValidationError, match="workers are those of runner multi_processing"):
        BeamSection(runner="portable", workers=3)


@pytest.mark.parametrize(
    ("runner", "options"),
    [
        ("portable", EXTERNAL),
        ("PortableRunner", {**EXTERNAL, "environment_type": "DOCKER", "environment_config": IMAGE}),
        ("portable", {"environment_type": "DOCKER", "environment_option": [f"docker_container_image={IMAGE}"]}),
        ("portable", {"environment_type": "PROCESS", "environment_config": {"command": "/opt/worker"}}),
        ("FlinkRunner", {"flink_master": "flink:8081", "parallelism": 8, "environment_type": "LOOPBACK"}),
        ("spark", {"spark_master_url": "spark://spark:7077", "environment_config": IMAGE}),
        ("DataflowRunner", {"project": "line", "region": "europe-west1", "sdk_container_image": IMAGE}),
        ("apache_beam.runners.direct.direct_runner.DirectRunner", {}),
    ],
)
def test_any_runner_gets_its_options(runner: str, options: dict[str, Any]) -> None:
    found = parsed(BeamSection(runner=runner, options=options))
    assert found["runner"] == runner
    assert found["sdk_container_image"] == options.get("sdk_container_image", "none")
    if isinstance(options.get("environment_config"), dict):
        assert json.loads(found["environment_config"]) == options["environment_config"]
    plain = {name: value for name, value in options.items() if isinstance(value, (str, int))}
    assert {name: found[name] for name in plain} == plain


@pytest.mark.parametrize(
    ("section", "said", "remedy"),
    [
        ({"runner": "portble"}, "beam.runner portble: Unexpected pipeline runner", "PortableRunner"),
        ({"runner": "in-memory"}, "beam.runner in-memory", "in_memory"),
        ({"runner": "no.such.Runner"}, "beam.runner no.such.Runner: No module named 'no'", "installed"),
        ({"runner": "apache_beam.runners.NoRunner"}, "has no attribute 'NoRunner'", "installed"),
        ({"runner": "os.getcwd"}, "beam.runner os.getcwd is no runner of Beam", "class"),
        ({"options": {"job_endpont": "x:1"}}, "beam.options.job_endpont: Beam has no such option", "job_endpoint"),
        ({"options": {"--streaming": True}}, "beam.options.--streaming: Beam has no such option", "streaming"),
        ({"options": {"help": True}}, "beam.options.help: Beam has no such option", "documentation"),
        ({"options": {"runner": "portable"}}, "beam.options.runner has a field of its own", "beam.runner"),
        ({"options": {"direct_num_workers": 2}}, "has a field of its own", "beam.workers"),
        ({"options": {"streaming": "yes"}}, "beam.options.streaming = 'yes': Beam takes no value", "true or false"),
        ({"options": {"parallelism": "four"}}, "beam.options.parallelism = 'four': invalid int value", "correct"),
        ({"options": {"parallelism": True}}, "beam.options.parallelism = True: Beam takes a value", "give the value"),
        ({"options": {"parallelism": [1, 2]}}, "beam.options.parallelism = [1, 2]: Beam takes one value", "one"),
        ({"options": {"flink_version": "0.1"}}, "beam.options.flink_version = '0.1': invalid choice", "correct"),
        ({"runner": "portable"}, "no image is named for its workers", "beam.options.environment_config"),
        ({"runner": "flink", "options": {"flink_master": "f:1"}}, "no image is named", "environment_type"),
        ({"runner": "dataflow"}, "no image is named for its workers", "beam.options.sdk_container_image"),
        ({"runner": "portable", "options": {"environment_type": "EXTERNAL"}}, "is required", "environment_config"),
        ({"runner": "portable", "options": {"environment_type": "docker"}}, "no such environment", "DOCKER, EXTERNAL"),
    ],
)
def test_what_beam_would_not_take_is_named_with_a_remedy(section: dict[str, Any], said: str, remedy: str) -> None:
    with pytest.raises(TinyopsError) as refused:
        beam_args(BeamSection(**section))
    assert said in refused.value.message
    assert remedy in refused.value.remedy


def _actions() -> list[argparse.Action]:
    """What Beam reads with a type or an action of its own it makes something else of: those are left out."""
    from apache_beam.options.pipeline_options import PipelineOptions

    parsers: list[argparse.ArgumentParser] = []
    PipelineOptions([]).get_all_options(add_extra_args_fn=parsers.append)
    own = {"help", "runner", "direct_running_mode", "direct_num_workers"}
    return [
        action
        for action in parsers[0]._actions
        if action.dest not in own
        and action.type in (None, int, float, str, json.loads)
        and (type(action).__module__ == "argparse" or action.type is json.loads)
    ]


def _value(action: argparse.Action) -> st.SearchStrategy[Any]:
    if isinstance(action.const, bool):
        # One that is on anyway has no opposite.
        return st.just(True) if action.const and action.default else st.booleans()
    if action.choices:
        return st.sampled_from(list(action.choices))
    words = st.text("az09:/._-").map("x{}".format)
    one = st.integers(0) if action.type is int else st.floats(0, 1) if action.type is float else words
    if action.type is json.loads:
        return st.dictionaries(words, words, min_size=1)
    return st.lists(one, min_size=1) if isinstance(action, argparse._AppendAction) else one


ACTIONS = st.deferred(lambda: st.sampled_from(_actions()))


@given(ACTIONS.flatmap(lambda action: st.tuples(st.just(action), _value(action))))
def test_beam_reads_the_value_that_the_project_gives(case: tuple[argparse.Action, Any]) -> None:
    action, value = case
    expected = action.const is value if action.nargs == 0 else value
    if isinstance(value, list):
        expected = [*(action.default or []), *value]
    for flag in action.option_strings:
        assert parsed(BeamSection(options={flag.removeprefix("--"): value}))[action.dest] == expected


def test_a_switch_that_is_on_and_has_no_opposite_cannot_be_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such options came with later releases of Beam."""
    from pipeline.project import beam_check

    parser = argparse.ArgumentParser()
    parser.add_argument("--always", action="store_true", default=True)
    monkeypatch.setattr(beam_check, "_beam_parser", lambda: parser)
    assert beam_check.option_args({"always": True}) == ("--always",)
    with pytest.raises(TinyopsError, match=r"beam\.options\.always = False: Beam has no switch for that"):
        beam_check.option_args({"always": False})


def test_a_wrong_option_is_answered_before_tfx_is_imported(project: Callable[..., Path]) -> None:
    config = project({"beam": {"options": {"job_endpont": "localhost:8099"}}})
    with pytest.raises(TinyopsError, match="job_endpont"):
        load_project(config)
