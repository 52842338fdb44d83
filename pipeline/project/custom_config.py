"""What the user's functions find in `custom_config`, beside a digest, by which TFX's cache sees an edit."""

from __future__ import annotations

from typing import Any, Final

from pipeline.project.preflight import Project

_BOARD: Final = ("arena_bytes", "slot_bytes")
"""What a network is sized by."""


def custom_config(project: Project) -> dict[str, Any]:
    """Of both functions.

    Raises:
        TinyopsError: `data.features` takes no samples of the data's shape.
    """
    config = project.config
    truth: dict[str, Any] = {"label": config.data.class_field, "classes": len(config.class_names)}
    if config.is_regression:
        truth = {"target": config.data.target}
    shape = {} if project.shape is None else {"shape": list(project.shape)}
    return {"input": config.data.input, **shape, **truth, "seed": config.train.seed}


def training_config(project: Project) -> dict[str, Any]:
    """Of `run_fn` and `build_model`.

    Raises:
        TinyopsError: as `custom_config`; or there is no such board profile.
    """
    config, profile = project.config, project.config.load_profile()
    board = {"board": {name: getattr(profile, name) for name in _BOARD}} if config.train.fit_board else {}
    return {**custom_config(project), "task": config.task, **board, "epochs": config.train.epochs}
