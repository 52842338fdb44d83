"""Executor of the Trainer: TFX's, and before it a look at the network, if the module has it untrained."""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Callable
from typing import Any, Final

from tfx.components.trainer import executor
from tfx.components.util import udf_utils
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from components.artifact_types import Artifacts, Properties
from components.trainer.environment import BOARD_PROFILE
from components.trainer.network import build_model_of, examine
from edge_deployer.errors import TinyopsError
from edge_deployer.profile import BoardProfile

TRAINING_LOGGER: Final = "tinyops.training"
"""What is known of the network before it is trained is logged here, for whoever shows the run."""


class Executor(executor.GenericExecutor):
    """Calls the user's `build_model(config)`, where there is one, and `run_fn`."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Properties) -> None:
        """Examine the network if that can be done, and train it.

        Raises:
            Refused: the untrained network cannot be converted to int8, or would not run on the board.
            TinyopsError: the untrained network does not fit the examples, or `run_fn` saved no model.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        fn_args = self._GetFnArgs(input_dict, output_dict, exec_properties)
        run_fn = udf_utils.get_fn(exec_properties, "run_fn")
        build_model = _build_model(exec_properties)
        if build_model is not None and BOARD_PROFILE in os.environ:
            found = examine(
                build_model(fn_args.custom_config),
                artifact_utils.get_single_instance(input_dict["examples"]),
                fn_args.custom_config,
                BoardProfile.model_validate_json(os.environ[BOARD_PROFILE]),
            )
            logging.getLogger(TRAINING_LOGGER).info("untrained: %s", found)
        run_fn(fn_args)
        if not fileio.exists(fn_args.serving_model_dir):
            remedy = "end run_fn with `model.export(fn_args.serving_model_dir)`"
            raise TinyopsError(f"{exec_properties['run_fn']} returned and saved no model", remedy=remedy)


def _build_model(exec_properties: dict[str, Any]) -> Callable[[dict[str, Any]], Any] | None:
    module = (exec_properties.get("run_fn") or "").rpartition(".")[0]
    return build_model_of(importlib.import_module(module)) if module else None
