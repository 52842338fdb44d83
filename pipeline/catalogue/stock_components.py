"""What TFX's components do, take and make, and what TFLMEvaluator has from the Evaluator.

TFX's docstrings are long, are meant for TFX's own pages, and are TFX's text: no sentence here comes from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

DESCRIPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "StatisticsGen": ("Computes statistics of each feature, split by split, with TensorFlow Data Validation on Beam.",),
    "Transform": (
        "Makes of examples what the model takes, by the user's `preprocessing_fn`, with TensorFlow Transform.",
        "The function is traced into a graph, so that serving can do the same. One of `module_file`, `module_path` and "
        "`preprocessing_fn` says where it is.",
    ),
    "Trainer": (
        "Trains a model by the user's `run_fn`.",
        "The function finds inputs and parameters in its only argument, `fn_args`, and writes a SavedModel into "
        "`fn_args.serving_model_dir`. One of `module_file`, `module_path` and `run_fn` says where it is.",
        "Where the module has `build_model(config)`, too, and the environment variable `TINYOPS_BOARD_PROFILE` has a "
        "board profile as JSON, the untrained network is first held against that board.",
    ),
}
"""A paragraph an item, for components that are TFX's."""

PARTS: Final[Mapping[str, Mapping[str, str]]] = {
    "StatisticsGen": {
        "examples": "examples, in any splits.",
        "schema": "schema for the options; not beside one in `stats_options_json`.",
        "stats_options_json": "what `StatsOptions.to_json` of TensorFlow Data Validation gives.",
        "exclude_splits": "splits to leave out; none if not given.",
        "sharded_stats_output": "whether statistics are written in several files.",
        "sample_rate_by_split": "share of the samples of a split that statistics are made of.",
        "statistics": "statistics of each split that is not left out.",
    },
    "Transform": {
        "examples": "examples, with splits as in `splits_config`.",
        "schema": "types and shapes of their features.",
        "analyzer_cache": "an earlier run's `updated_analyzer_cache`, which saves work.",
        "module_file": "path of a Python file with `preprocessing_fn` and, if wanted, `stats_options_updater_fn`.",
        "module_path": "import name of the module, in the place of `module_file`.",
        "preprocessing_fn": "import path of the function, `module.function`, in the place of `module_file`.",
        "stats_options_updater_fn": (
            "import path of a function that changes the options of the statistics; only beside `preprocessing_fn`."
        ),
        "force_tf_compat_v1": "1: the function is traced as in TensorFlow 1.",
        "custom_config": "mapping that the functions get as `custom_config`, if they have such an argument.",
        "splits_config": (
            "splits to analyze, at least one, and to transform; if not given, train is analyzed, and all are "
            "transformed."
        ),
        "disable_statistics": "1: no statistics, schemas or anomalies of the examples, neither before nor after.",
        "transform_graph": "the traced function as a graph, with what the analyzers found.",
        "transformed_examples": "what the function makes of the splits to transform.",
        "updated_analyzer_cache": "what the analyzers found, for the next run's `analyzer_cache`.",
        "pre_transform_schema": "schema of the examples before; empty with `disable_statistics`.",
        "pre_transform_stats": "statistics of the examples before; empty with `disable_statistics`.",
        "post_transform_schema": "schema of the examples after; empty with `disable_statistics`.",
        "post_transform_stats": "statistics of the examples after; empty with `disable_statistics`.",
        "post_transform_anomalies": "anomalies of the examples after; empty with `disable_statistics`.",
    },
    "Trainer": {
        "examples": "examples to train and evaluate on, transformed or not.",
        "transform_graph": "Transform's; its path is `fn_args.transform_graph_path`.",
        "schema": "schema of the examples; its path is `fn_args.schema_path`.",
        "base_model": "a model to start from; its path is `fn_args.base_model`.",
        "hyperparameters": "a Tuner's; its contents are `fn_args.hyperparameters`.",
        "train_args": "splits to train on, train if none is named; `num_steps` is `fn_args.train_steps`.",
        "eval_args": "splits to evaluate on, eval if none is named; `num_steps` is `fn_args.eval_steps`.",
        "module_file": "path of a Python file with `run_fn`.",
        "module_path": "import name of the module, in the place of `module_file`.",
        "run_fn": "import path of the function, `module.function`, in the place of `module_file`.",
        "custom_config": "mapping that the function finds as `fn_args.custom_config`.",
        "model": "the trained model.",
        "model_run": "what else the function writes, into `fn_args.model_run_dir`: logs, or a learning curve.",
    },
    "TFLMEvaluator": {
        "schema": "schema by which the examples are read.",
        "eval_config": "slices, metrics and thresholds; `components.tflm_evaluator.thresholds.eval_config` makes one.",
        "feature_slicing_spec": "without effect: `eval_config` has the slices.",
        "fairness_indicator_thresholds": "without effect: `eval_config` has the metrics.",
        "example_splits": "splits to evaluate on; eval if not given.",
        "add_split_name": "without effect: TFX declares it and does not read it.",
        "module_file": "without effect: `module_path` goes before it.",
        "module_path": "import name of the module that has TFMA run the model in TFLM; leave it as it is.",
    },
}
"""What each input, parameter and output is; for TFLMEvaluator, those that its own docstrings do not speak of."""
