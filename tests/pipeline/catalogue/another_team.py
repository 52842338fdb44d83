"""A pipeline that another team writes with kfp: its own data, its own module, and nothing but exported components.

    python another_team.py EXPORTED SETTINGS OUTPUT

compiles it with the kfp of that Python, which needs nothing of tinyops: with limits for each step, and SETTINGS, the
JSON file with `settings()`.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kfp import compiler, components, dsl

NAME = "another-team"
PIPELINE_ROOT = "minio://mlpipeline/artifacts/blobs"

_SECTION = {
    "source": "blobs.npz",
    "input": "picture",
    "label": "kind",
    "group": "person",
    "classes": ["top", "middle", "bottom"],
    "splits": {"train": 2, "eval": 1},
}


def settings() -> dict[str, Any]:
    """Texts that components take and that tinyops makes."""
    from google.protobuf import json_format

    from components.tflm_evaluator.thresholds import Thresholds, eval_config
    from edge_deployer.acceptance.plan import AcceptancePlan
    from edge_deployer.profile import load_profile

    thresholds = Thresholds(0.1, max_drop=0.5, min_slice_accuracy=None)
    # A set this small is too small for the default plan.
    checks = {"labels": {"bad": 0.9}, "outputs": {"bad": 0.9}, "against_production": None, "soak_inferences": 1}
    plan = AcceptancePlan.model_validate({"samples": 30, **checks})
    return {
        "eval_config": json_format.MessageToJson(eval_config("kind", ["kind"], thresholds)),
        "profile": load_profile("cortex-m4").model_dump_json(),
        "plan": plan.model_dump_json(),
        "samples": plan.samples,
        "thresholds": json.dumps({"min_accuracy": thresholds.min_accuracy, "max_drop": thresholds.max_drop}),
    }


def blobs_pipeline(exported: Path, texts: Mapping[str, Any], *, limited: bool = False) -> Any:
    """Data to gate, for pictures of three classes (tests/components/project/blobs.py).

    Args:
        exported: folder of the component files.
        texts: as `settings` gives them.
        limited: whether each step says how much of a processor and of memory it may take.
    """
    load = {file.stem: components.load_component_from_file(str(file)) for file in exported.glob("*.yaml")}

    @dsl.pipeline(name=NAME, pipeline_root=PIPELINE_ROOT)
    def blobs(data_file: str, workspace: str, release_version: str = "1.0.0") -> None:
        data = load["SensorExampleGen"](data_file=data_file, data=json.dumps({"kind": "arrays", **_SECTION}))
        examples = data.outputs["examples"]
        training = load["Trainer"](examples=examples, run_fn="blobs.run_fn", custom_config='{"epochs": 4}')
        conversion = load["TFLiteConverter"](
            model=training.outputs["model"],
            examples=examples,
            label_feature="kind",
            representative_examples=50,
            seed=0,
            class_names=json.dumps(["top", "middle", "bottom"]),
        )
        model = conversion.outputs["int8_model"]
        baseline = load["LatestBlessedModel"](candidate=model, all_runs=f"{PIPELINE_ROOT}/{NAME}")
        evaluation = load["TFLMEvaluator"](
            examples=examples,
            model=model,
            baseline_model=baseline.outputs["baseline_model"],
            eval_config=texts["eval_config"],
        )
        validation = load["TFLMValidator"](
            model=model,
            examples=examples,
            profile=texts["profile"],
            label_feature="kind",
            class_names=json.dumps(["top", "middle", "bottom"]),
            slices=json.dumps(["kind"]),
            samples=texts["samples"],
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
            plan=texts["plan"],
            module="blobs",
            sources=json.dumps({"model_source.tar.gz": ["blobs.py"]}),
            data_source="blobs",
            class_names=json.dumps(["top", "middle", "bottom"]),
            thresholds=texts["thresholds"],
        )
        gate = load["PromotionGate"](deployment_report=delivery.outputs["deployment_report"])
        for task in (data, baseline, delivery, gate):
            task.set_caching_options(False)
        for task in (data, training, conversion, baseline, evaluation, validation, delivery, gate) if limited else ():
            task.set_cpu_request("500m").set_cpu_limit("2").set_memory_limit("4G")

    return blobs


if __name__ == "__main__":
    folder, made, output = sys.argv[1:]
    compiler.Compiler().compile(blobs_pipeline(Path(folder), json.loads(Path(made).read_text()), limited=True), output)
