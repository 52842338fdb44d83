"""A pipeline that another team writes with kfp: its own data, its own module, and nothing but exported components."""

import json
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from kfp import components, dsl

from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.profile import load_profile

NAME = "another-team"
PIPELINE_ROOT = "minio://another-team/blobs"

# A set this small is too small for the default plan.
PLAN = AcceptancePlan.model_validate(
    {"samples": 30, "labels": {"bad": 0.9}, "outputs": {"bad": 0.9}, "against_production": None, "soak_inferences": 1}
)


def blobs_pipeline(exported: Path) -> Any:
    """Data to gate, for pictures of three classes (tests/components/project/blobs.py).

    Args:
        exported: folder of the component files.
    """
    from components.tflm_evaluator.thresholds import Thresholds, eval_config

    load = {file.stem: components.load_component_from_file(str(file)) for file in exported.glob("*.yaml")}
    section = {
        "source": "blobs.npz",
        "input": "picture",
        "label": "kind",
        "group": "person",
        "classes": ["top", "middle", "bottom"],
        "splits": {"train": 2, "eval": 1},
    }
    thresholds = Thresholds(0.1, max_drop=0.5, min_slice_accuracy=None)

    @dsl.pipeline(name=NAME, pipeline_root=PIPELINE_ROOT)
    def blobs(data_file: str, workspace: str, release_version: str = "1.0.0") -> None:
        data = load["SensorExampleGen"](data_file=data_file, data=json.dumps({"kind": "arrays", **section}))
        examples = data.outputs["examples"]
        training = load["Trainer"](examples=examples, run_fn="blobs.run_fn", custom_config='{"epochs": 4}')
        model = load["TFLiteConverter"](
            model=training.outputs["model"],
            examples=examples,
            label_feature="kind",
            representative_examples=50,
            seed=0,
            class_names=json.dumps(["top", "middle", "bottom"]),
        ).outputs["int8_model"]
        baseline = load["LatestBlessedModel"](candidate=model, all_runs=f"{PIPELINE_ROOT}/{NAME}")
        evaluation = load["TFLMEvaluator"](
            examples=examples,
            model=model,
            baseline_model=baseline.outputs["baseline_model"],
            eval_config=json_format.MessageToJson(eval_config("kind", ["kind"], thresholds)),
        )
        validation = load["TFLMValidator"](
            model=model,
            examples=examples,
            profile=load_profile("cortex-m4").model_dump_json(),
            label_feature="kind",
            class_names=json.dumps(["top", "middle", "bottom"]),
            slices=json.dumps(["kind"]),
            samples=PLAN.samples,
            seed=1,
        )
        delivery = load["TFLMPusher"](
            model=model,
            model_blessing=evaluation.outputs["blessing"],
            infra_blessing=validation.outputs["blessing"],
            acceptance_set=validation.outputs["acceptance_set"],
            examples=examples,
            training=training.outputs["model_run"],
            evaluation=evaluation.outputs["evaluation"],
            project="blobs",
            workspace=workspace,
            inventory="",
            signing_key="",
            release_version=release_version,
            plan=PLAN.model_dump_json(),
            module="blobs",
            sources=json.dumps({"model_source.tar.gz": ["blobs.py"]}),
            data_source="blobs",
            class_names=json.dumps(["top", "middle", "bottom"]),
            thresholds=json.dumps({"min_accuracy": thresholds.min_accuracy, "max_drop": thresholds.max_drop}),
        )
        gate = load["PromotionGate"](deployment_report=delivery.outputs["deployment_report"])
        for task in (data, baseline, delivery, gate):
            task.set_caching_options(False)

    return blobs
