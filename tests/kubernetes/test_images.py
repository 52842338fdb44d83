"""What can be said of the container files without building them; `make verify-containers` builds and runs them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.kubeflow.compilation.compiler import DIGITS_IN_IMAGE
from pipeline.project.kubeflow_settings import KubeflowSection
from tests.kubernetes.manifests import KUBERNETES, pod_templates

ROOT = KUBERNETES.parent
FILES = sorted((KUBERNETES / "images").glob("*.Containerfile"))
PIPELINE = KUBERNETES / "images" / "tinyops.Containerfile"


def stages(file: Path) -> dict[str, str]:
    """Text of each stage by its name; the last one of a file without names is ``""``."""
    _, *parts = re.split(r"^FROM .*?(?: AS (\S+))?$", file.read_text(), flags=re.MULTILINE)
    return {name or "": text for name, text in zip(parts[::2], parts[1::2], strict=True)}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_images_run_as_the_user_that_the_manifests_name(file: Path) -> None:
    (template,) = pod_templates("overlays/staging")
    context = template["spec"]["securityContext"]
    user = f"{context['runAsUser']}:{context['runAsGroup']}"
    images = {name: text for name, text in stages(file).items() if name != "wheel"}
    for name, text in images.items():
        assert re.findall(r"^USER (.+)$", text, re.MULTILINE)[-1] == user, name


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_image_begins_with_a_tagged_base_that_an_argument_replaces(file: Path) -> None:
    text = file.read_text()
    (base,) = re.findall(r"^ARG BASE=(.+)$", text, re.MULTILINE)
    KubeflowSection(image=base, pipeline_root="minio://bucket/line")
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) - stages(file).keys() == {"${BASE}"}


def test_what_is_copied_is_in_the_repository_and_what_is_installed_is_locked() -> None:
    text = PIPELINE.read_text()
    for copied in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        for python in ("python3.10", "python3.13"):
            given = copied.replace("${PROJECT}", "pipeline/templates/digits").replace("${PYTHON}", python)
            assert all((ROOT / source).exists() for source in given.split()), given
    for install in re.findall(r"pip install (.+?)(?:\\|&&|$)", text, re.MULTILINE):
        assert "--require-hashes" in install or "--no-index" in install, install


def test_the_pipeline_image_has_the_project_and_the_data_where_compiled_pipelines_look() -> None:
    text = stages(PIPELINE)["pipeline"]
    assert f"COPY ${{PROJECT}} {KubeflowSection.model_fields['project_folder'].default}\n" in text
    assert f'Path("{Path(DIGITS_IN_IMAGE).parent}")' in text


def test_no_key_and_no_workspace_goes_into_an_image() -> None:
    """A project may have its signing key beside its tinyops.yaml, and whoever pulls the image would have it too."""
    left_out = (ROOT / ".dockerignore").read_text().splitlines()
    assert {"**/.*", "**/*.pem", "**/*.key"} <= set(left_out)
