from __future__ import annotations

import sys
from pathlib import Path

import pytest

from edge_deployer.errors import TinyopsError
from pipeline.kubeflow.step.project_module import MODULE_FOLDER, add_to_import_path, variables
from pipeline.project.user_module import UserModule

MODULE = """
import layer_sizes

def preprocessing_fn(inputs):
    return inputs

def run_fn(fn_args):
    pass
"""


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Environment of a step whose image has the project's folder."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "strokes.py").write_text(MODULE)
    (tmp_path / "layer_sizes.py").write_text("FIRST = 8\n")
    return variables(UserModule.load(tmp_path / "strokes.py"), str(tmp_path))


def test_the_modules_folder_comes_last_on_the_import_path(image: dict[str, str], tmp_path: Path) -> None:
    before = list(sys.path)
    add_to_import_path(image)
    assert sys.path == [*before, str(tmp_path)]


@pytest.mark.parametrize("file", ["strokes.py", "layer_sizes.py"])
def test_an_image_with_another_module_than_the_compiled_one_is_refused(
    image: dict[str, str], tmp_path: Path, file: str
) -> None:
    (tmp_path / file).write_text((tmp_path / file).read_text() + "# edited\n")
    with pytest.raises(TinyopsError, match=r"strokes\.py, or a module that it imports, is not what") as refused:
        add_to_import_path(image)
    assert "build the image" in refused.value.remedy
    assert str(tmp_path) not in sys.path


def test_an_image_with_another_preprocessing_than_the_compiled_one_is_refused(
    image: dict[str, str], tmp_path: Path
) -> None:
    del image
    (tmp_path / "scaling.py").write_text(MODULE)
    compiled = variables(UserModule.load(tmp_path / "strokes.py", tmp_path / "scaling.py"), str(tmp_path))
    add_to_import_path(compiled)
    (tmp_path / "scaling.py").write_text(f"{MODULE}# edited\n")
    with pytest.raises(TinyopsError, match="is not what"):
        add_to_import_path(compiled)
    (tmp_path / "scaling.py").unlink()
    with pytest.raises(TinyopsError, match="is not there"):
        add_to_import_path(compiled)


def test_an_image_without_the_module_is_refused(image: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(TinyopsError, match=r"elsewhere/strokes\.py"):
        add_to_import_path({**image, MODULE_FOLDER: str(tmp_path / "elsewhere")})


def test_a_step_without_a_module_has_none(image: dict[str, str]) -> None:
    del image
    before = list(sys.path)
    add_to_import_path({})
    assert sys.path == before
