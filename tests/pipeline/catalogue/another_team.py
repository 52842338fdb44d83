"""A pipeline that another team writes with kfp: its own data, its own module, and nothing but exported components.

It is compiled by the kfp that runs this file, beside none of ours: ``python another_team.py COMPONENTS SETTINGS FILE``.
"""

import json
import sys
from pathlib import Path
from typing import Any

from kfp import compiler, components, dsl

NAME = "another-team"
PIPELINE_ROOT = "minio://another-team/blobs"

SECTION = {
    "kind": "arrays",
    "source": "blobs.npz",
    "input": "picture",
    "label": "kind",
    "group": "person",
    "classes": ["top", "middle", "bottom"],
    "splits": {"train": 2, "eval": 1},
}
CLASSES = json.dumps(SECTION["classes"])


def blobs_pipeline(exported: Path, settings: dict[str, str]) -> Any:
    """Data to gate, for pictures of three classes (tests/components/project/blobs.py).

    Args:
        exported: folder of the component files.
        settings: `eval_config`, `plan`, `profile`, `samples` and `thresholds`, each as the components take it.
    """
    load = {file.stem: components.load_component_from_file(str(file)) for file in exported.glob("*.yaml")}

    @dsl.pipeline(name=NAME, pipeline_root=PIPELINE_ROOT)
    def blobs(data_file: str, workspace: str, release_version: str = "1.0.0") -> None:
        data = load["SensorExampleGen"](data_file=data_file, data=json.dumps(SECTION))
        examples = data.outputs["examples"]
        training = load["Trainer"](examples=examples, run_fn="blobs.run_fn", custom_config='{"epochs": 4}')
        model = load["TFLiteConverter"](
            model=training.outputs["model"],
            examples=examples,
            label_feature="kind",
            representative_examples=50,
            seed=0,
            class_names=CLASSES,
        ).outputs["int8_model"]
        baseline = load["LatestBlessedModel"](candidate=model, all_runs=f"{PIPELINE_ROOT}/{NAME}")
        evaluation = load["TFLMEvaluator"](
            examples=examples,
            model=model,
            baseline_model=baseline.outputs["baseline_model"],
            eval_config=settings["eval_config"],
        )
        validation = load["TFLMValidator"](
            model=model,
            examples=examples,
            profile=settings["profile"],
            label_feature="kind",
            class_names=CLASSES,
            slices=json.dumps(["kind"]),
            samples=int(settings["samples"]),
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
            plan=settings["plan"],
            module="blobs",
            sources=json.dumps({"model_source.tar.gz": ["blobs.py"]}),
            data_source="blobs",
            class_names=CLASSES,
            thresholds=settings["thresholds"],
        )
        gate = load["PromotionGate"](deployment_report=delivery.outputs["deployment_report"])
        for task in (data, baseline, delivery, gate):
            task.set_caching_options(False)
        training.set_cpu_limit("2").set_memory_limit("4G").set_cpu_request("500m")
        evaluation.set_memory_limit("2Gi")

    return blobs


if __name__ == "__main__":
    exported, settings, file = sys.argv[1:]
    compiler.Compiler().compile(blobs_pipeline(Path(exported), json.loads(settings)), file)
