from __future__ import annotations

from pathlib import Path

import pytest

from edge_deployer.errors import TinyopsError
from pipeline.project.user_module import UserModule

GOOD = "def preprocessing_fn(inputs): ...\ndef run_fn(fn_args): ...\n"


def write(folder: Path, text: str, name: str = "model.py") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_module_and_what_it_imports_from_its_folder(tmp_path: Path) -> None:
    write(tmp_path, "import deeper\n", "layers.py")
    write(tmp_path, "import numpy\n", "deeper.py")
    write(tmp_path, "", "unrelated.py")
    write(tmp_path, "", "test_model.py")
    module = UserModule.load(write(tmp_path, "from layers import *\n" + GOOD))
    assert [source.name for source in module.sources] == ["deeper.py", "layers.py", "model.py"]
    assert [test.name for test in module.tests] == ["test_model.py"]


@pytest.mark.parametrize("edited", ["model.py", "layers.py"])
def test_an_edit_changes_the_digest(tmp_path: Path, edited: str) -> None:
    write(tmp_path, "WIDTH = 1\n", "layers.py")
    path = write(tmp_path, "import layers\n" + GOOD)
    before = UserModule.load(path).sha256
    assert UserModule.load(path).sha256 == before
    text = (tmp_path / edited).read_text()
    (tmp_path / edited).write_text(text[:-1] + " ")  # as long as before
    assert UserModule.load(path).sha256 != before


PREPROCESSING, TRAINING = "def preprocessing_fn(inputs): ...\n", "def run_fn(fn_args): ...\n"


def test_an_edit_of_the_network_leaves_the_digest_of_the_preprocessing(tmp_path: Path) -> None:
    write(tmp_path, "", "shared.py")
    preprocessing = write(tmp_path, "import shared\n" + PREPROCESSING, "scaling.py")
    path = write(tmp_path, "import shared\n" + TRAINING)
    before = UserModule.load(path, preprocessing)
    assert (before.name, before.preprocessing_name) == ("model", "scaling")
    assert [source.name for source in before.sources] == ["model.py", "scaling.py", "shared.py"]
    assert [source.name for source in before.preprocessing_sources] == ["scaling.py", "shared.py"]
    write(tmp_path, "import shared\n# wider\n" + TRAINING)
    edited = UserModule.load(path, preprocessing)
    assert edited.preprocessing_sha256 == before.preprocessing_sha256
    assert edited.sha256 != before.sha256
    write(tmp_path, "SCALE = 2\n", "shared.py")
    assert UserModule.load(path, preprocessing).preprocessing_sha256 != before.preprocessing_sha256


def test_one_module_for_both_has_one_digest(tmp_path: Path) -> None:
    module = UserModule.load(write(tmp_path, GOOD))
    assert module.preprocessing == module.path
    assert module.preprocessing_sha256 == module.sha256


@pytest.mark.parametrize(
    ("place", "text", "said"),
    [
        ("elsewhere/scaling.py", PREPROCESSING, "is in another folder than train.module"),
        ("scaling.py", TRAINING, "scaling.py defines no function 'preprocessing_fn'"),
        ("json.py", PREPROCESSING, "has the name of the installed module 'json'"),
        ("scaling.txt", PREPROCESSING, "train.preprocessing"),
    ],
)
def test_what_is_wrong_with_a_preprocessing_module(tmp_path: Path, place: str, text: str, said: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(TinyopsError) as refused:
        UserModule.load(write(tmp_path, TRAINING), write(tmp_path, text, place))
    assert said in refused.value.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def preprocessing_fn(inputs): ...\n", "no function 'run_fn'"),
        (GOOD + "def broken(:\n", "model.py:3"),
        ("import no_such_library_at_all\n" + GOOD, "'no_such_library_at_all'"),
        (GOOD + "def later():\n    from no_such_library import x\n", "'no_such_library'"),
        ("\x00", "model.py"),
        ("x = " + "-" * 100_000 + "1\n", "model.py"),
        ("x = " + "(" * 1000 + ")" * 1000 + "\n", "model.py"),
        ("from helper.layers import x\n" + GOOD, "'helper', a package in the same folder"),
    ],
)
def test_what_is_wrong_is_named_without_importing_it(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "helper").mkdir()
    write(tmp_path / "helper", "", "__init__.py")
    with pytest.raises(TinyopsError) as refused:
        UserModule.load(write(tmp_path, text))
    assert said in refused.value.message


@pytest.mark.parametrize("name", ["model.txt", "my-model.py"])
def test_a_file_that_cannot_be_imported(tmp_path: Path, name: str) -> None:
    with pytest.raises(TinyopsError, match="not a Python file"):
        UserModule.load(write(tmp_path, GOOD, name))


@pytest.mark.parametrize("name", ["json", "sys", "pipeline", "yaml"])
@pytest.mark.parametrize("text", ["", "import {}\n"])
def test_a_name_that_is_taken(tmp_path: Path, name: str, text: str) -> None:
    if text:
        write(tmp_path, "", f"{name}.py")
        path = write(tmp_path, text.format(name) + GOOD)
    else:
        path = write(tmp_path, GOOD, f"{name}.py")
    with pytest.raises(TinyopsError) as refused:
        UserModule.load(path)
    assert f"{name}.py has the name of the installed module '{name}'" in refused.value.message
    assert "rename" in refused.value.remedy


def test_a_module_that_is_on_the_import_path_already_is_no_other_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "helper").mkdir()
    write(tmp_path / "helper", "", "__init__.py")
    write(tmp_path, "", "layers.py")
    assert len(UserModule.load(write(tmp_path, "import layers\n" + GOOD)).sources) == 2
    with pytest.raises(TinyopsError, match="'helper', a package in the same folder"):
        UserModule.load(write(tmp_path, "import helper\n" + GOOD))
