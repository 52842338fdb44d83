"""What `tinyops push` says of models that it cannot release."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import tflite

from tests.edge_deployer.cli.command import tinyops
from tests.edge_deployer.tiny_models import with_operator


def _keras_archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", b"")


def _saved_model(path: Path) -> None:
    path.mkdir()
    (path / "saved_model.pb").touch()


@pytest.mark.parametrize(
    ("make", "kind", "first"),
    [
        (_keras_archive, "a Keras model", "load it with `keras.models.load_model`"),
        (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n"), "a Keras model in HDF5", "load it with `keras.models"),
        (_saved_model, "a SavedModel", "convert it with `tf.lite.TFLiteConverter.from_saved_model` to int8"),
    ],
)
def test_a_model_that_is_not_tflite_yet_is_told_how_to_become_one(
    make: Callable[[Path], None], kind: str, first: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "model")
    done = tinyops("push", "model")
    assert (done.status, done.stdout) == (1, "")
    assert f"error: model is {kind}, not a .tflite file" in done.stderr
    assert f"remedy: {first}" in done.stderr
    assert not (tmp_path / ".tinyops").exists()


def test_a_refusal_is_told_with_the_remedy_of_its_cause_and_with_none_where_nobody_knows_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exp.tflite").write_bytes(with_operator(tflite.BuiltinOperator.EXP))
    (tmp_path / "odd.tflite").write_bytes(with_operator(tflite.BuiltinOperator.DEPTH_TO_SPACE))
    refused = tinyops("push", "exp.tflite")
    assert refused.status == 3
    assert "remedy: TFLM has EXP for float32 alone: build the int8 model without it" in refused.stdout
    unknown = tinyops("push", "odd.tflite")
    assert unknown.status == 3
    assert "remedy" not in unknown.stdout
    assert json.loads(tinyops("push", "odd.tflite", "--json").stdout)["remedy"] is None
