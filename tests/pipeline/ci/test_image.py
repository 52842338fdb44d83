from __future__ import annotations

import numpy as np
import pytest

from pipeline.ci.image import tagged
from tests.pipeline.ci.conftest import Delivered
from tests.pipeline.conftest import MODULE
from tests.pipeline.git_project import commit_all, git

NAME = "registry.example.com:5000/tinyops/pipeline"


@pytest.fixture
def built(delivered: Delivered) -> Delivered:
    """A project whose image is built by a command, and was built once."""
    delivered.configure(build=[f"sh -c 'echo $TINYOPS_IMAGE >> {delivered.log}'"])
    assert delivered.approved()["outcome"] == "done"
    return delivered


def head(delivered: Delivered) -> str:
    return git(delivered.folder, "rev-parse", "HEAD")


@pytest.mark.parametrize(
    "image",
    ["pipeline:1", "pipeline@sha256:" + "0" * 64, "pipeline:1@sha256:" + "0" * 64, "localhost:5000/a/pipeline:1"],
)
def test_a_tag_takes_the_place_of_tag_and_digest(image: str) -> None:
    assert tagged(image, "abc") == image[: image.index("pipeline")] + "pipeline:abc"


def test_an_image_with_the_commit_as_its_tag_is_built_after_the_tests_and_runs(built: Delivered) -> None:
    assert built.commands == ["lint", "tests", f"{NAME}:{head(built)}"]
    assert built.image == f"{NAME}:{head(built)}"


def test_without_commands_nothing_is_built_and_the_image_is_the_configs(delivered: Delivered) -> None:
    assert "build" not in delivered.approved()["plan"]
    assert delivered.image is None


def test_code_that_changed_is_built(built: Delivered) -> None:
    built.change("vibration.py", MODULE + "x = 1")
    built.approved()
    image = f"{NAME}:{head(built)}"
    assert (built.commands, built.image) == (["lint", "tests", image], image)


def test_documentation_and_a_schedule_run_with_the_image_that_is_there(built: Delivered) -> None:
    first = head(built)
    built.change("README.md")
    built.approved("--trigger", "schedule")
    assert (built.commands, built.image) == (["lint"], f"{NAME}:{first}")


def test_data_elsewhere_that_changed_runs_with_the_image_that_is_there(built: Delivered, monkeypatch) -> None:
    contents = b"first"
    monkeypatch.setattr("components.object_store._copy", lambda _path, to: to.write(contents))
    built.on_kubeflow(data_file="minio://bucket/data.npz")
    built.approved()
    contents = b"second"
    outcome = built.approved()
    assert (outcome["changes"], built.commands, built.image) == (["data"], [], f"{NAME}:{head(built)}")


def test_data_in_the_image_that_changed_is_built(built: Delivered) -> None:
    np.savez(built.folder / "data.npz", sound=np.zeros((60, 4)), kind=np.arange(60) % 2)
    commit_all(built.folder)
    outcome = built.approved()
    assert (outcome["changes"], built.commands) == (["data"], [f"{NAME}:{head(built)}"])


def test_an_image_that_was_built_is_not_built_again_after_a_later_step_failed(built: Delivered) -> None:
    built.change("vibration.py", MODULE + "x = 1")
    built.broken = "verify"
    built.approved(status=1)
    built.broken = None
    built.approved()
    assert (built.commands, built.image) == ([], f"{NAME}:{head(built)}")


def test_an_image_that_is_not_known_is_built(built: Delivered) -> None:
    (built.log.parent / "workspace" / "ci" / "state.json").unlink()
    built.approved("--trigger", "schedule")
    assert built.commands[-1] == f"{NAME}:{head(built)}"


def test_code_that_went_back_to_what_ran_is_built_all_the_same(built: Delivered) -> None:
    """The last image has what came between."""
    built.change("vibration.py", MODULE + "x = 1")
    built.outcome()
    built.change("vibration.py", MODULE)
    built.approved("--trigger", "schedule")
    assert (built.commands, built.image) == ([f"{NAME}:{head(built)}"], f"{NAME}:{head(built)}")


def test_a_build_that_fails_ends_it(delivered: Delivered) -> None:
    delivered.configure(build=["false"])
    outcome = delivered.approved(status=1)
    assert outcome["failed_step"] == "build"
    assert delivered.calls == []


def test_what_is_not_committed_is_not_built(built: Delivered) -> None:
    (built.folder / "vibration.py").write_text(MODULE + "x = 2")
    assert "not committed" in built.refused("--until", "verify").message
    assert built.commands == []
