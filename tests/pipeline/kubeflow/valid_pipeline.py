"""A compiled pipeline in which nothing is wrong, small enough to be read; each call makes a new one."""

from __future__ import annotations

from typing import Any

EXAMPLES = {"instanceSchema": "title: tfx.Examples\ntype: object\n"}
MODEL = {"schemaTitle": "system.Model", "schemaVersion": "0.0.1"}
HTML = {"schemaTitle": "system.HTML", "schemaVersion": "0.0.1"}


def _container(step: str) -> dict[str, Any]:
    return {"container": {"image": "registry.example.com:5000/tinyops/pipeline:1.0.0", "command": ["python", step]}}


def valid_spec() -> dict[str, Any]:
    """gen -> train -> release, and release is a pipeline of its own with one task, push."""
    return {
        "schemaVersion": "2.1.0",
        "pipelineInfo": {"name": "digits"},
        "defaultPipelineRoot": "minio://mlpipeline/v2",
        "deploymentSpec": {"executors": {f"exec-{step}": _container(step) for step in ("gen", "train", "push")}},
        "root": {
            "inputDefinitions": {
                "parameters": {
                    "data_file": {"parameterType": "STRING", "defaultValue": "/data/digits.npz"},
                    "signing_key": {"parameterType": "STRING", "defaultValue": "/etc/keys/signing-key.pem"},
                    "steps": {"parameterType": "NUMBER_INTEGER"},
                }
            },
            "dag": {
                "tasks": {
                    "gen": {
                        "taskInfo": {"name": "gen"},
                        "componentRef": {"name": "comp-gen"},
                        "inputs": {"parameters": {"data_file": {"componentInputParameter": "data_file"}}},
                    },
                    "train": {
                        "taskInfo": {"name": "train"},
                        "componentRef": {"name": "comp-train"},
                        "dependentTasks": ["gen"],
                        "inputs": {
                            "artifacts": {
                                "examples": {
                                    "taskOutputArtifact": {"producerTask": "gen", "outputArtifactKey": "examples"}
                                }
                            },
                            "parameters": {
                                "steps": {"componentInputParameter": "steps"},
                                "rate": {"runtimeValue": {"constant": 0.5}},
                            },
                        },
                    },
                    "release": {
                        "taskInfo": {"name": "release"},
                        "componentRef": {"name": "comp-release"},
                        "dependentTasks": ["train"],
                        "inputs": {
                            "artifacts": {
                                "model": {"taskOutputArtifact": {"producerTask": "train", "outputArtifactKey": "model"}}
                            },
                            "parameters": {
                                "accuracy": {
                                    "taskOutputParameter": {"producerTask": "train", "outputParameterKey": "accuracy"}
                                },
                                "signing_key": {"componentInputParameter": "signing_key"},
                            },
                        },
                    },
                }
            },
        },
        "components": {
            "comp-gen": {
                "executorLabel": "exec-gen",
                "inputDefinitions": {"parameters": {"data_file": {"parameterType": "STRING"}}},
                "outputDefinitions": {"artifacts": {"examples": {"artifactType": EXAMPLES.copy()}}},
            },
            "comp-train": {
                "executorLabel": "exec-train",
                "inputDefinitions": {
                    "artifacts": {"examples": {"artifactType": EXAMPLES.copy()}},
                    "parameters": {
                        "steps": {"parameterType": "NUMBER_INTEGER"},
                        "rate": {"parameterType": "NUMBER_DOUBLE"},
                        "seed": {"parameterType": "NUMBER_INTEGER", "isOptional": True},
                    },
                },
                "outputDefinitions": {
                    "artifacts": {"model": {"artifactType": MODEL.copy()}},
                    "parameters": {"accuracy": {"parameterType": "NUMBER_DOUBLE"}},
                },
            },
            "comp-release": {
                "inputDefinitions": {
                    "artifacts": {"model": {"artifactType": MODEL.copy()}},
                    "parameters": {
                        "accuracy": {"parameterType": "NUMBER_DOUBLE"},
                        "signing_key": {"parameterType": "STRING"},
                    },
                },
                "outputDefinitions": {"artifacts": {"report": {"artifactType": HTML.copy()}}},
                "dag": {
                    "tasks": {
                        "push": {
                            "taskInfo": {"name": "push"},
                            "componentRef": {"name": "comp-push"},
                            "inputs": {
                                "artifacts": {"model": {"componentInputArtifact": "model"}},
                                "parameters": {
                                    "floor": {"componentInputParameter": "accuracy"},
                                    "signing_key": {"componentInputParameter": "signing_key"},
                                },
                            },
                        }
                    },
                    "outputs": {
                        "artifacts": {
                            "report": {
                                "artifactSelectors": [{"producerSubtask": "push", "outputArtifactKey": "report"}]
                            }
                        }
                    },
                },
            },
            "comp-push": {
                "executorLabel": "exec-push",
                "inputDefinitions": {
                    "artifacts": {"model": {"artifactType": MODEL.copy()}},
                    "parameters": {
                        "floor": {"parameterType": "NUMBER_DOUBLE"},
                        "signing_key": {"parameterType": "STRING"},
                    },
                },
                "outputDefinitions": {"artifacts": {"report": {"artifactType": HTML.copy()}}},
            },
        },
    }


def valid_platform() -> dict[str, Any]:
    """What the last step gets from Kubernetes: something of every kind that has a name."""
    settings = {
        "secretAsVolume": [{"secretName": "release-key", "mountPath": "/etc/keys"}],
        "secretAsEnv": [
            {"secretName": "object-store", "keyToEnv": [{"secretKey": "accesskey", "envVar": "AWS_ACCESS_KEY_ID"}]}
        ],
        "imagePullSecret": [{"secretNameParameter": {"runtimeValue": {"constant": "registry"}}}],
        "configMapAsVolume": [{"configMapName": "device-inventory", "mountPath": "/etc/inventory", "optional": True}],
        "configMapAsEnv": [
            {
                "configMapNameParameter": {"componentInputParameter": "signing_key"},
                "keyToEnv": [{"configMapKey": "level", "envVar": "LEVEL"}],
            }
        ],
        "pvcMount": [{"constant": "release-line", "mountPath": "/var/lib/tinyops"}],
        "nodeSelector": {"labels": {"bench": "north"}},
        "tolerations": [{"key": "bench", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30}],
        "podMetadata": {"labels": {"tinyops.dev/role": "pusher"}},
    }
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": {"exec-push": settings}}}}}
