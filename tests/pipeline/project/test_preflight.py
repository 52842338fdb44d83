from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from edge_deployer.errors import TinyopsError
from edge_deployer.profile import load_profile
from edge_deployer.release.labelled_data import DatasetFields
from pipeline.project.preflight import prepare
from pipeline.project.workspace import Workspace

FIELDS = DatasetFields("sound", "kind", None, 2)
BUCKETS = {"train": 4, "eval": 1}
SOUND = np.ones((60, 4))
NAN = SOUND.copy()
NAN[7, 2] = np.nan
LABELS = np.zeros(60, int)
LABELS[11] = 2


def refusal(config: Path, tmp_path: Path) -> TinyopsError:
    with pytest.raises(TinyopsError) as refused:
        prepare(config, Workspace(tmp_path / "workspace"))
    return refused.value


REGRESSION = {"data.label": None, "data.classes": None, "data.target": "wear"}
WEAR = {"kind": None, "wear": np.linspace(0, 9, 60)}


def test_a_right_regression_passes(project: Callable, tmp_path: Path) -> None:
    config = project({**REGRESSION, "data.group": "person", "evaluate.max_mae": 2}, WEAR)
    assert prepare(config, Workspace(tmp_path / "workspace")).config.is_regression


def test_an_error_that_so_few_samples_cannot_show_is_told_before_the_training(
    project: Callable, tmp_path: Path
) -> None:
    asked = {"ceiling": 0.1, "margin": 0.1, "largest_error": 9}
    refused = refusal(project({**REGRESSION, "acceptance.mae": asked}, WEAR), tmp_path)
    assert refused.message.startswith("eval has ")
    assert "at these error rates" in refused.message


def test_a_right_project_passes(project: Callable, tmp_path: Path) -> None:
    job = prepare(project({"data.group": "person"}), Workspace(tmp_path / "workspace"))
    assert job.data_file == tmp_path / "data.npz"
    archives = job.archives()
    assert archives["preprocessing_source.tar.gz"] == [tmp_path / "vibration.py"]
    assert job.config_file in archives["model_source.tar.gz"]


@pytest.mark.parametrize(
    ("changes", "arrays", "said"),
    [
        ({"data.source": "other.npz"}, {}, "other.npz does not exist"),
        ({"data.source": "vibration.py"}, {}, "cannot be read as an .npz file: it is text"),
        ({"data.source": "."}, {}, "is a folder, not an .npz file"),
        ({"data.input": "noise"}, {}, "no array 'noise'; it has sound, kind, person"),
        ({}, {"kind": np.zeros(59, int)}, "60 samples and 'kind' has 59"),
        ({}, {"sound": NAN}, "the first nan at index [7, 2]"),
        ({}, {"kind": LABELS}, "'kind'[11] = 2 is outside 0 .. 1"),
        ({}, {"kind": np.zeros(60)}, "float64, not integers"),
        ({"data.group": "person"}, {"person": np.zeros(5, int)}, "'person' has 5"),
        ({}, {"sound": np.zeros((0, 4)), "kind": np.zeros(0, int)}, "empty"),
        ({"data.group": "person"}, {"person": np.zeros(60, int)}, "is left empty: 1 groups (0: 60)"),
        ({"deploy.inventory": "absent.yaml"}, {}, "absent.yaml cannot be read"),
        ({"deploy.inventory": "tinyops.yaml"}, {}, "boards: missing"),
        ({"deploy.signing_key": "key.pem"}, {}, "key.pem does not exist"),
        ({"deploy.release_version": "1.0"}, {}, "release version '1.0'"),
        ({"deploy.release_version": "256.0.0"}, {}, "release version '256.0.0'"),
        (
            {"deploy.profiles": ["cortex-m7", "cortex-m33"]},
            {},
            "releases are for boards of cortex-m7 and cortex-m33, and the inventory has boards of cortex-m4",
        ),
        ({"deploy.profiles": []}, {}, "deploy.profiles = []"),
        ({"deploy.signing_key": "tinyops.yaml"}, {}, "tinyops.yaml cannot be read"),
        ({"train.module": "absent.py"}, {}, "absent.py is not a Python file"),
        ({}, {"kind": np.zeros(60, int)}, "all records have 'kind' off: with one class there is nothing to tell apart"),
        ({"acceptance": None}, {}, "eval has 11 samples; at these error rates 192 are needed, about 960 in all"),
        ({"acceptance.quorum": 3}, {}, "quorum 3 cannot be met, staging has 2 boards"),
        ({"acceptance.budgets": {"m4": {}}}, {}, "`budgets` has nothing for cortex-m4"),
        ({"board_profile": "cortex-m99"}, {}, "cortex-m99"),
        ({"board_profile": "cortex-m7"}, {}, "no staging board of the inventory has it; they have cortex-m4"),
    ],
)
def test_what_is_wrong_is_named(
    project: Callable, tmp_path: Path, changes: dict[str, Any], arrays: dict[str, Any], said: str
) -> None:
    error = refusal(project(changes, arrays), tmp_path)
    assert said in error.message
    assert error.remedy


@pytest.mark.parametrize(
    ("samples", "buckets", "remedy"),
    [
        (60, (4, 1), "collect more; if you set `acceptance.alpha` and `beta` to 0.1, 134 are enough, about 670 in all"),
        (320, (1, 1), "collect more, or set `acceptance.alpha` and `beta` to 0.1"),
    ],
)
def test_what_helps_against_too_little_data_is_offered_and_helps(
    project: Callable, tmp_path: Path, samples: int, buckets: tuple[int, int], remedy: str
) -> None:
    sound = np.random.default_rng(1).normal(size=(samples, 4))
    arrays = {"sound": sound, "kind": np.arange(samples) % 2, "person": None}
    splits = {"data.splits": {"train": buckets[0], "eval": buckets[1]}}
    assert refusal(project({"acceptance": None, **splits}, arrays), tmp_path).remedy == remedy
    loose = {"acceptance": {"alpha": 0.1, "beta": 0.1}, **splits}
    if "enough" not in remedy:
        prepare(project(loose, arrays), Workspace(tmp_path / "workspace"))
    else:
        assert "134 are needed" in refusal(project(loose, arrays), tmp_path).message


def test_labels_that_can_show_nothing_are_told_before_training(project: Callable, tmp_path: Path) -> None:
    config = project({"task": "classification"}, {"kind": (np.arange(60) % 20 == 0).astype(int)})
    with pytest.raises(TinyopsError) as refused:
        prepare(config, Workspace(tmp_path / "workspace"))
    assert "better_than_constant: false" in refused.value.remedy
    prepare(
        project({"task": "classification", "acceptance.better_than_constant": False}),
        Workspace(tmp_path / "workspace"),
    )


def test_what_is_odd_about_the_data_is_told_and_refuses_nothing(project: Callable, tmp_path: Path) -> None:
    changes = {"data.classes": ["off", "on", "broken"]}
    job = prepare(project(changes), Workspace(tmp_path / "workspace"))
    assert job.warnings == (
        "split train has no samples of class broken",
        "split eval has no samples of class broken",
    )
    assert not prepare(project(), Workspace(tmp_path / "workspace")).warnings


def saved(save: Callable, *positional: np.ndarray, **named: np.ndarray) -> bytes:
    file = io.BytesIO()
    save(file, *positional, **named)
    return file.getvalue()


WHOLE = saved(np.savez_compressed, sound=SOUND, kind=np.arange(60) % 2)


@pytest.mark.parametrize(
    "contents",
    [b"", saved(np.savez), saved(np.save, SOUND), WHOLE[: len(WHOLE) // 2], WHOLE.replace(WHOLE[60:64], b"\xff" * 4)],
    ids=["empty file", "no arrays", "npy", "cut off", "altered"],
)
def test_a_data_file_that_is_no_npz(project: Callable, tmp_path: Path, contents: bytes) -> None:
    config = project()
    (tmp_path / "data.npz").write_bytes(contents)
    error = refusal(config, tmp_path)
    assert "data.npz" in error.message
    assert error.remedy


def test_profiles_are_compared_by_what_they_allow(project: Callable, tmp_path: Path) -> None:
    config = project({"board_profile": "ours.yaml"})
    ours = load_profile("cortex-m4").model_copy(update={"name": "ours"})
    (tmp_path / "ours.yaml").write_text(yaml.safe_dump(ours.model_dump()))
    prepare(config, Workspace(tmp_path / "workspace"))
    smaller = ours.model_copy(update={"arena_bytes": ours.arena_bytes - 1})
    (tmp_path / "ours.yaml").write_text(yaml.safe_dump(smaller.model_dump()))
    assert "ours.yaml" in refusal(config, tmp_path).message


def test_the_digits_are_written_once(tmp_path: Path) -> None:
    from pipeline.project.config import DEFAULT_CONFIG

    first = prepare(DEFAULT_CONFIG, Workspace(tmp_path)).data_file
    written = first.stat().st_mtime_ns
    assert prepare(DEFAULT_CONFIG, Workspace(tmp_path)).data_file.stat().st_mtime_ns == written
    with np.load(first) as arrays:
        assert arrays["image"].shape == (1797, 8, 8)
        assert arrays["label"].max() == 9


def test_preflight_imports_neither_tensorflow_nor_tfx_and_is_quick(project: Callable, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from pipeline.project.preflight import prepare\n"
        "from pipeline.project.workspace import Workspace; import pipeline.local.run, pipeline.local.display\n"
        "prepare(Path(sys.argv[1]), Workspace(Path(sys.argv[2])))\n"
        "sys.exit(bool({'tensorflow', 'tfx', 'apache_beam', 'sklearn'} & set(sys.modules)))"
    )
    before = os.times()
    done = subprocess.run([sys.executable, "-c", program, project(), tmp_path], check=False)
    assert done.returncode == 0
    after = os.times()
    # Of the processor: other tests may run beside this one.
    assert after.children_user + after.children_system - before.children_user - before.children_system < 5
