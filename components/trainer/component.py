"""Trainer: from examples to a float model, once it is known that the network would run on its board."""

from __future__ import annotations

from tfx.components.trainer import component
from tfx.dsl.components.base import executor_spec

from components.trainer import executor


class Trainer(component.Trainer):
    """TFX's Trainer, with its interface; `components.trainer.executor` says what it does more.

    `custom_config` needs ``label``, the feature with the class index, or ``target``, the feature with what a regression
    is to answer, for a module that has `build_model`; with ``classes`` and ``task``, the network's outputs are held
    against those, too.
    """

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)
