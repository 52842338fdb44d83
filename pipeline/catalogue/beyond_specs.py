"""What a component's spec does not say, and whoever uses the component without its constructor must know.

A Kubeflow pipeline gives execution parameters as the executor takes them; in a TFX pipeline it is the constructor that
makes them out of its arguments. By name of the component, or by name of the parameter where it means the same anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from google.protobuf import json_format
from google.protobuf.message import Message
from tfx.proto import evaluator_pb2, example_gen_pb2, trainer_pb2, transform_pb2

from components.tflm_evaluator import extractor
from components.tflm_evaluator.thresholds import Thresholds, eval_config
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.profile import load_profile


def _json(message: Message) -> str:
    return str(json_format.MessageToJson(message, indent=None, sort_keys=True))


def _splits(train: int, evaluation: int, group: str) -> example_gen_pb2.Output:
    split = example_gen_pb2.SplitConfig.Split
    return example_gen_pb2.Output(
        split_config=example_gen_pb2.SplitConfig(
            splits=[split(name="train", hash_buckets=train), split(name="eval", hash_buckets=evaluation)],
            partition_feature_name=group,
        )
    )


FILLED_IN: Final[Mapping[str, Mapping[str, str | int]]] = {
    "SensorExampleGen": {
        "input_config": _json(
            example_gen_pb2.Input(splits=[example_gen_pb2.Input.Split(name="all", pattern="*")]),
        ),
        "output_data_format": example_gen_pb2.FORMAT_TF_EXAMPLE,
        "output_file_format": example_gen_pb2.FORMAT_TFRECORDS_GZIP,
    },
    "Trainer": {"train_args": _json(trainer_pb2.TrainArgs()), "eval_args": _json(trainer_pb2.EvalArgs())},
    "TFLMEvaluator": {"module_path": extractor.__name__},
}
"""Values that a constructor gives parameters which the executor does not do without."""

REQUIRED: Final[Mapping[str, frozenset[str]]] = {"TFLMEvaluator": frozenset({"model", "eval_config"})}
"""What a component cannot do without although its spec, the stock Evaluator's, says so."""

DESCRIPTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "SensorExampleGen": {
        "input_feature": "array of samples in the file, and name of the feature.",
        "label_feature": "array of class indices in the file, and name of the feature.",
        "group_feature": "array in the file that says from which person, device or recording a sample is.",
        "classes": "number of classes.",
        "input_config": "what TFX's writer of examples asks for; leave it as it is.",
        "output_config": "name and hash buckets of each split; the partition feature, if any, is the group.",
        "output_data_format": "`tf.train.Example`; leave it as it is.",
        "output_file_format": "compressed TFRecord; leave it as it is.",
    },
    "StatisticsGen": {
        "stats_options_json": "what `StatsOptions.to_json` of TensorFlow Data Validation gives.",
        "sharded_stats_output": "whether statistics are written in several files.",
        "sample_rate_by_split": "share of the samples of a split that statistics are made of.",
    },
    "Transform": {
        "module_path": "import name of the module, in the place of `module_file`.",
        "updated_analyzer_cache": "what the analyzers found, for the next run's `analyzer_cache`.",
        "pre_transform_schema": "schema of the examples before; empty with `disable_statistics`.",
        "pre_transform_stats": "statistics of the examples before; empty with `disable_statistics`.",
        "post_transform_schema": "schema of the examples after; empty with `disable_statistics`.",
        "post_transform_stats": "statistics of the examples after; empty with `disable_statistics`.",
        "post_transform_anomalies": "anomalies of the examples after; empty with `disable_statistics`.",
    },
    "Trainer": {"module_path": "import name of the module, in the place of `module_file`."},
    "TFLMEvaluator": {
        "eval_config": "slices, metrics and thresholds; `components.tflm_evaluator.thresholds.eval_config` makes one.",
        "add_split_name": "whether the name of the split becomes a feature.",
        "module_path": "import name of the module that has TFMA run the model in TFLM; leave it as it is.",
    },
}
"""What no docstring of the class says, since only the spec has it, or says of another component."""

EXAMPLES: Final[Mapping[str, str]] = {
    "class_names": '["off", "on"]',
    "custom_config": '{"epochs": 12}',
    "eval_args": _json(trainer_pb2.EvalArgs(splits=["eval"])),
    "eval_config": _json(eval_config("kind", ["kind"], Thresholds(0.9, max_drop=0.02, min_slice_accuracy=None))),
    "example_splits": '["eval"]',
    "exclude_splits": '["eval"]',
    "fairness_indicator_thresholds": "[0.5]",
    "feature_slicing_spec": _json(
        evaluator_pb2.FeatureSlicingSpec(specs=[evaluator_pb2.SingleSlicingSpec(column_for_slicing=["kind"])])
    ),
    "output_config": _json(_splits(train=4, evaluation=1, group="person")),
    "plan": AcceptancePlan().model_dump_json(),
    "profile": load_profile("cortex-m4").model_dump_json(),
    "sample_rate_by_split": '{"train": 0.1}',
    "slices": '["kind"]',
    "sources": '{"model_source.tar.gz": ["vibration.py"]}',
    "splits_config": _json(transform_pb2.SplitsConfig(analyze=["train"], transform=["train", "eval"])),
    "thresholds": '{"min_accuracy": 0.9, "max_drop": 0.02}',
    "train_args": _json(trainer_pb2.TrainArgs(splits=["train"])),
}
"""A value of each parameter that is given as JSON."""
