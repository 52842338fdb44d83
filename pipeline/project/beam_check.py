"""What Beam itself knows of runners and options. Importing this imports Beam."""

from __future__ import annotations

import argparse
import difflib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from apache_beam.options.pipeline_options import PipelineOptions, PortableOptions, StandardOptions
from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator
from apache_beam.runners.portability.portable_runner import PortableRunner
from apache_beam.runners.runner import PipelineRunner, create_runner

from edge_deployer.errors import TinyopsError
from pipeline.project.beam_section import IN_MEMORY, MULTI_PROCESSING, BeamSection, OptionValue

# Where a portable runner may run workers; the first one is what it takes if it is told nothing.
_ENVIRONMENTS: Final = ("DOCKER", "EXTERNAL", "PROCESS", "LOOPBACK")

# Options that have a field of their own, which decides more than the option would.
_FIELDS: Final = {"runner": "beam.runner", "direct_running_mode": "beam.runner", "direct_num_workers": "beam.workers"}


def option_args(options: Mapping[str, OptionValue]) -> tuple[str, ...]:
    """Options as on Beam's command line.

    Raises:
        TinyopsError: Beam has no such option or does not take the value.
    """
    parser = _beam_parser()
    return tuple(arg for name, value in options.items() for arg in _args_of(name, value, parser))


def _beam_parser() -> argparse.ArgumentParser:
    """Beam's parser, with the options of all its runners.

    Beam tells which options there are, and not which of them take a value, or several: argparse's own list does.
    """
    parsers: list[argparse.ArgumentParser] = []
    PipelineOptions([]).get_all_options(add_extra_args_fn=parsers.append)
    (parser,) = parsers
    parser.exit_on_error = False
    return parser


def _args_of(name: str, value: OptionValue, parser: argparse.ArgumentParser) -> list[str]:
    field = f"beam.options.{name}"
    if name in _FIELDS:
        raise TinyopsError(f"{field} has a field of its own", remedy=f"use {_FIELDS[name]}")
    actions = {flag.removeprefix("--"): action for action in parser._actions for flag in action.option_strings}
    del actions["help"], actions["-h"]
    if name not in actions:
        raise TinyopsError(f"{field}: Beam has no such option", remedy=_suggestion(name, actions))
    action = actions[name]
    if isinstance(action.const, bool):
        return _switch(field, value, action, parser)
    values = value if isinstance(value, list) else [value]
    if len(values) != 1 and not isinstance(action, argparse._AppendAction):
        raise TinyopsError(f"{field} = {value!r}: Beam takes one value", remedy="give one value")
    args = [f"--{name}={_text(field, one)}" for one in values]
    try:
        parser.parse_known_args(args)
    except argparse.ArgumentError as error:
        raise TinyopsError(f"{field} = {value!r}: {error.message}", remedy="correct the value") from error
    return args


def _switch(field: str, value: OptionValue, action: argparse.Action, parser: argparse.ArgumentParser) -> list[str]:
    """The switch that gives the option this value; none where it has the value without.

    Raises:
        TinyopsError: the value is none of a switch, or the option is on and Beam has no switch to the contrary.
    """
    if not isinstance(value, bool):
        raise TinyopsError(f"{field} = {value!r}: Beam takes no value", remedy="give true or false")
    wanted = action.const is value
    switches = [other for other in parser._actions if other.dest == action.dest and other.const is wanted]
    if not switches and bool(action.default) is not wanted:
        raise TinyopsError(f"{field} = {value!r}: Beam has no switch for that", remedy="leave the option out")
    return [other.option_strings[0] for other in switches]


def _text(field: str, value: Any) -> str:
    if isinstance(value, bool):
        raise TinyopsError(f"{field} = {value!r}: Beam takes a value", remedy="give the value, not true or false")
    return json.dumps(value) if isinstance(value, dict) else str(value)


def require_workers(section: BeamSection, args: tuple[str, ...]) -> None:
    """Check the runner, and that workers in containers have the pipeline's image: Beam's own has no TFX in it.

    Args:
        section: names a runner of Beam's.
        args: what `option_args` and the section make of it.

    Raises:
        TinyopsError: there is no such runner, or it does not know where its workers run or of which image.
    """
    runner = _runner(section.runner)
    if type(runner).__name__ == "DataflowRunner" and "sdk_container_image" not in section.options:
        raise _no_image(section, "beam.options.sdk_container_image")
    if isinstance(runner, PortableRunner):
        _require_environment(section, runner, PipelineOptions(list(args)).view_as(PortableOptions))


def _runner(name: str) -> PipelineRunner:
    try:
        runner = create_runner(name)
    except (ImportError, AttributeError, ValueError) as error:
        known = [IN_MEMORY, MULTI_PROCESSING, *StandardOptions.KNOWN_RUNNER_NAMES]
        remedy = "name a class that is installed" if "." in name else _suggestion(name, known)
        raise TinyopsError(f"beam.runner {name}: {error}", remedy=remedy) from error
    if not isinstance(runner, PipelineRunner):
        raise TinyopsError(f"beam.runner {name} is no runner of Beam", remedy="name a class of runners")
    return runner


def _require_environment(section: BeamSection, runner: PipelineRunner, options: PortableOptions) -> None:
    environment = options.environment_type or _ENVIRONMENTS[0]
    if environment not in _ENVIRONMENTS:
        raise TinyopsError(
            f"beam.options.environment_type = {environment!r}: Beam has no such environment",
            remedy=f"use one of {', '.join(_ENVIRONMENTS)}",
        )
    errors = options.validate(PipelineOptionsValidator(options, runner))
    if errors:
        raise TinyopsError(f"beam.options: {'; '.join(errors)}", remedy="correct beam.options.environment_config")
    image = options.environment_config or options.lookup_environment_option("docker_container_image")
    if environment == "DOCKER" and not image:
        raise _no_image(section, "beam.options.environment_config, or use another beam.options.environment_type")


def _no_image(section: BeamSection, where: str) -> TinyopsError:
    return TinyopsError(
        f"beam.runner {section.runner}: no image is named for its workers",
        remedy=f"give the pipeline's image in {where}",
    )


def _suggestion(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    return f"did you mean {', '.join(close)}?" if close else "look it up in Beam's documentation of pipeline options"
