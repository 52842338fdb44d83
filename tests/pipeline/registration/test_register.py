from __future__ import annotations

import json
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import kfp_server_api
import pytest
import typer
import yaml
from typer.testing import CliRunner, Result

from edge_deployer.ending import Ended
from edge_deployer.errors import TinyopsError
from pipeline.cli.register import register as register_command
from pipeline.kubeflow.compilation.compiler import compile_project
from pipeline.registration import api_server
from tests.pipeline.compiled_pipeline import write_pipeline
from tests.pipeline.conftest import MODULE
from tests.pipeline.git_project import commit_all, git
from tests.pipeline.kfp_api_server import KfpApiServer, Request, kfp_api_server
from tests.processes import loaded_with

COMMAND = typer.Typer()
COMMAND.command()(register_command)


def register(*arguments: object) -> Result:
    return CliRunner().invoke(COMMAND, [*map(str, arguments)])


def registered(*arguments: object) -> dict[str, str]:
    result = register(*arguments, "--json")
    assert result.exit_code == 0, result.exception or result.output
    return dict(json.loads(result.stdout))


def refused(*arguments: object) -> TinyopsError:
    error = register(*arguments).exception
    assert isinstance(error, TinyopsError), error
    return error


def test_the_command_module_imports_nothing_heavy() -> None:
    assert not {"kfp", "yaml", "pydantic", "urllib3"} & loaded_with("pipeline.cli.register")


def test_a_pipeline_and_its_version_are_registered_under_the_commit(server: KfpApiServer, compiled: Path) -> None:
    outcome = registered(compiled, "--host", server.url)
    commit = git(compiled.parent, "rev-parse", "HEAD")
    assert (outcome["outcome"], outcome["pipeline"], outcome["version"]) == ("registered", "digits", commit)
    assert server.changing_lines == ["POST /pipelines", "POST /pipelines/upload_version"]
    created, uploaded = (request for request in server.requests if request.method == "POST")
    assert created.body == {"display_name": "digits", "description": "Handwritten digits"}
    assert uploaded.file == compiled.read_bytes()
    assert uploaded.query == {"name": commit, "pipelineid": outcome["pipeline_id"]}
    assert outcome["url"] == (
        f"{server.url}/#/pipelines/details/{outcome['pipeline_id']}/version/{outcome['version_id']}"
    )


@pytest.mark.parametrize("platform", [True, False])
def test_registering_again_changes_nothing(server: KfpApiServer, compiled: Path, platform: bool) -> None:
    write_pipeline(compiled, platform=platform)
    first = registered(compiled, "--host", server.url, "--version", "v1")
    server.requests.clear()
    second = registered(compiled, "--host", server.url, "--version", "v1")
    assert server.changing_lines == []
    assert second == {**first, "outcome": "unchanged"}


def test_a_second_version_goes_to_the_pipeline_that_is_there(server: KfpApiServer, compiled: Path) -> None:
    first = registered(compiled, "--host", server.url)
    write_pipeline(compiled, image="registry.example.com/train:2")
    commit_all(compiled.parent)
    server.requests.clear()
    second = registered(compiled, "--host", server.url)
    assert server.changing_lines == ["POST /pipelines/upload_version"]
    assert second["pipeline_id"] == first["pipeline_id"]
    assert second["version"] != first["version"]


@pytest.mark.parametrize("changed", ["spec", "platform", "no platform"])
def test_a_version_with_other_content_is_an_error_and_nothing_changes(
    server: KfpApiServer, compiled: Path, changed: str
) -> None:
    file = write_pipeline(compiled)
    registered(compiled, "--host", server.url, "--version", "v1")
    if changed == "spec":
        write_pipeline(compiled, image="registry.example.com/train:2")
    elif changed == "no platform":
        write_pipeline(compiled, platform=False)
    else:
        labels = file.platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-train"]
        labels["nodeSelector"]["labels"]["disk"] = "hdd"
        compiled.write_text(file.to_yaml())
    server.requests.clear()
    error = refused(compiled, "--host", server.url, "--version", "v1")
    assert "pipeline digits has a version v1 with other content" in error.message
    assert server.changing_lines == []


def test_a_name_of_ones_own_is_registered_beside_the_files(server: KfpApiServer, compiled: Path) -> None:
    first = registered(compiled, "--host", server.url)
    second = registered(compiled, "--host", server.url, "--name", "digits-nightly")
    assert second["pipeline"] == "digits-nightly"
    assert first["pipeline_id"] != second["pipeline_id"]


def test_only_the_very_name_counts_where_a_server_does_not_filter(server: KfpApiServer, compiled: Path) -> None:
    server.filters = False
    for options in (["--name", "digits-old"], ["--version", "v10"], ["--version", "v1"]):
        assert registered(compiled, "--host", server.url, *options)["outcome"] == "registered"
    assert {pipeline.display_name for pipeline in server.pipelines.values()} == {"digits-old", "digits"}
    assert len(server.versions) == 3


def test_uncommitted_changes_need_a_version_of_ones_own(server: KfpApiServer, compiled: Path) -> None:
    write_pipeline(compiled, image="registry.example.com/train:2")
    error = refused(compiled, "--host", server.url)
    assert "not committed (pipeline.yaml)" in error.message
    assert "--version" in error.remedy
    assert server.requests == []
    registered(compiled, "--host", server.url, "--version", "try-1")


def test_files_that_git_does_not_track_are_no_change(server: KfpApiServer, compiled: Path) -> None:
    (compiled.parent / "build.log").write_text("left behind")
    assert registered(compiled, "--host", server.url)["outcome"] == "registered"


def test_a_file_that_git_does_not_track_needs_its_project_or_a_version(server: KfpApiServer, compiled: Path) -> None:
    """It may have been compiled from another commit."""
    other = compiled.with_name("other.yaml")
    write_pipeline(other)
    for ignored in ("", "other.yaml\n"):
        (compiled.parent / ".gitignore").write_text(ignored)
        git(compiled.parent, "add", ".gitignore")
        git(compiled.parent, "commit", "--quiet", "--message", "ignore")
        error = refused(other, "--host", server.url)
        assert "other.yaml is not in git" in error.message
        assert "--config" in error.remedy
    assert server.requests == []
    registered(other, "--host", server.url, "--version", "v1")


@pytest.fixture
def kubeflow_project(project: Callable[..., Path]) -> Path:
    """The config of a project in git, with its compiled file, which git does not know."""
    config = project({"kubeflow": {"image": "registry.example.com/p:1", "pipeline_root": "minio://bucket/line"}})
    commit_all(config.parent)
    compile_to(config)
    return config


def compile_to(config: Path) -> None:
    image = "registry.example.com/p:another"
    config.with_name("pipeline.yaml").write_text(compile_project(config, image=image).to_yaml())


def test_the_version_is_the_commit_that_the_project_compiles_at(server: KfpApiServer, kubeflow_project: Path) -> None:
    compiled, folder = kubeflow_project.with_name("pipeline.yaml"), kubeflow_project.parent
    arguments = [compiled, "--config", kubeflow_project, "--host", server.url]
    assert registered(*arguments)["version"] == git(folder, "rev-parse", "HEAD")
    (folder / "vibration.py").write_text("import helper\n" + MODULE)
    git(folder, "commit", "--quiet", "--all", "--message", "change")
    (folder / "helper.py").write_text("x = 1")
    assert "helper.py" in refused(*arguments).message
    git(folder, "add", "helper.py")
    git(folder, "commit", "--quiet", "--message", "helper")
    error = refused(*arguments)
    assert "is not what" in error.message
    assert "compile it again" in error.remedy
    compile_to(kubeflow_project)
    assert registered(*arguments)["version"] == git(folder, "rev-parse", "HEAD")


@pytest.mark.parametrize("name", [None, 5, ""])
@pytest.mark.parametrize("option", ["--host", "--custom-resources"])
def test_a_pipeline_without_a_name_is_an_error(compiled: Path, tmp_path: Path, name: object, option: str) -> None:
    file = write_pipeline(compiled)
    file.spec["pipelineInfo"] = {} if name is None else {"name": name}
    compiled.write_text(file.to_yaml())
    error = refused(compiled, option, tmp_path / "gitops", "--version", "v1")
    assert "pipelineInfo.name is missing" in error.message


def test_outside_git_a_version_must_be_named(server: KfpApiServer, tmp_path: Path) -> None:
    write_pipeline(tmp_path / "pipeline.yaml")
    assert "--version" in refused(tmp_path / "pipeline.yaml", "--host", server.url).remedy


def test_a_repository_without_a_commit_is_an_error(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    write_pipeline(tmp_path / "pipeline.yaml")
    assert "git says nothing" in refused(tmp_path / "pipeline.yaml", "--host", "http://127.0.0.1:9").message


@pytest.mark.parametrize("there", [False, True])
def test_a_version_whose_second_document_the_server_passes_over_is_taken_away(
    server: KfpApiServer, compiled: Path, there: bool
) -> None:
    """As a back end does that is older than a field: the steps would have neither Secrets nor volumes."""
    file = write_pipeline(compiled)
    if there:
        registered(compiled, "--host", server.url, "--version", "v1")
    file.platform["platforms"]["kubernetes"]["pipelineConfig"] = {"ofTomorrow": 600}
    compiled.write_text(file.to_yaml())
    error = refused(compiled, "--host", server.url, "--version", "v2")
    assert "passed over the second document" in error.message
    assert "kubeflow.ttl" in error.remedy
    assert [version.display_name for version in server.versions.values()] == (["v1"] if there else [])
    assert len(server.pipelines) == there


@pytest.mark.parametrize("status", [500, 503, None])
def test_a_failed_first_upload_takes_the_pipeline_away_again(
    server: KfpApiServer, compiled: Path, status: int | None
) -> None:
    server.fail("POST /pipelines/upload_version", status)
    error = refused(compiled, "--host", server.url)
    assert server.url in error.message
    assert server.changing_lines == ["POST /pipelines", "POST /pipelines/upload_version", "DELETE /pipelines/*"]
    assert not server.pipelines
    assert registered(compiled, "--host", server.url)["outcome"] == "registered"


def test_an_upload_whose_answer_is_lost_is_taken_away_whole(server: KfpApiServer, compiled: Path) -> None:
    server.fail("POST /pipelines/upload_version", 504, afterwards=True)
    refused(compiled, "--host", server.url)
    assert server.changing_lines[-2:] == ["DELETE /pipelines/*/versions/*", "DELETE /pipelines/*"]
    assert not server.pipelines
    assert not server.versions


def test_a_pipeline_whose_answer_is_lost_is_gone_on_with(server: KfpApiServer, compiled: Path) -> None:
    server.fail("POST /pipelines", 504, afterwards=True)
    assert "try again" in refused(compiled, "--host", server.url).remedy
    (left,) = server.pipelines
    assert registered(compiled, "--host", server.url)["pipeline_id"] == left


def test_a_failed_upload_leaves_a_pipeline_that_was_there(server: KfpApiServer, compiled: Path) -> None:
    registered(compiled, "--host", server.url, "--version", "v1")
    server.fail("POST /pipelines/upload_version", 500)
    refused(compiled, "--host", server.url, "--version", "v2")
    assert [version.display_name for version in server.versions.values()] == ["v1"]


def test_a_pipeline_that_cannot_be_taken_away_again_is_named(server: KfpApiServer, compiled: Path) -> None:
    server.fail("POST /pipelines/upload_version", 500)
    server.fail(r"DELETE /pipelines/\*", 500)
    error = refused(compiled, "--host", server.url)
    (left,) = server.pipelines
    assert "could not be deleted again" in error.message
    assert left in error.remedy
    assert registered(compiled, "--host", server.url)["pipeline_id"] == left


def test_ctrl_c_in_the_middle_leaves_nothing(
    server: KfpApiServer, compiled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise Ended(signal.SIGINT)

    monkeypatch.setattr(kfp_server_api.PipelineUploadServiceApi, "upload_pipeline_version", interrupted)
    with pytest.raises(Ended) as ended:
        register(compiled, "--host", server.url)
    assert server.changing_lines == ["POST /pipelines", "DELETE /pipelines/*"]
    assert "is deleted again" in ended.value.left


def test_two_that_register_the_same_pipeline_at_once_make_it_once(server: KfpApiServer, compiled: Path) -> None:
    """The other one is faster between this one's look and its request."""
    with kfp_api_server() as before:
        registered(compiled, "--host", before.url)
        other = next(iter(before.pipelines.values()))

    def be_faster(request: Request) -> None:
        if request.line == "POST /pipelines":
            server.pipelines[other.pipeline_id] = other

    server.on_request = be_faster
    assert "409" in refused(compiled, "--host", server.url).message
    assert list(server.pipelines) == [other.pipeline_id]
    assert "DELETE /pipelines/*" not in server.lines


def test_a_server_that_is_not_there_is_one_line_with_a_remedy(compiled: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        error = refused(compiled, "--host", address)
    assert error.message == (
        f"the Kubeflow Pipelines API server at {address} cannot be reached: [Errno 111] Connection refused"
    )
    assert "port-forward" in error.remedy


def test_a_server_that_stays_silent_is_given_up(compiled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_server, "_TIMEOUT_S", (0.1, 0.1))
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        error = refused(compiled, "--host", f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert "cannot be reached: Read timed out." in error.message


def test_a_host_name_that_does_not_exist_is_one_line(compiled: Path) -> None:
    error = refused(compiled, "--host", "http://kfp.invalid", "--namespace", "team")
    assert "http://kfp.invalid cannot be reached: " in error.message
    assert "object at" not in error.message


def test_a_server_that_is_not_named_is_an_error(compiled: Path) -> None:
    assert "KF_PIPELINES_ENDPOINT" in refused(compiled).remedy


def test_the_environment_names_the_server_and_a_token(
    server: KfpApiServer, compiled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("secret-token")
    monkeypatch.setenv("KF_PIPELINES_ENDPOINT", server.url)
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setenv("KF_PIPELINES_UI_ENDPOINT", "https://kubeflow.example.com/pipeline/")
    outcome = registered(compiled)
    assert {request.headers.get("authorization") for request in server.requests} == {"Bearer secret-token"}
    assert outcome["url"].startswith("https://kubeflow.example.com/pipeline/#/pipelines/details/")
    assert "secret-token" not in json.dumps(outcome)


def test_a_token_file_that_is_not_there_is_an_error(
    server: KfpApiServer, compiled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "token"))
    assert "token file" in refused(compiled, "--host", server.url).message


def test_a_namespace_is_whose_pipeline_it_is(compiled: Path) -> None:
    with kfp_api_server(multi_user=True) as server:
        registered(compiled, "--host", server.url, "--namespace", "team-a")
        registered(compiled, "--host", server.url, "--namespace", "team-b")
        assert {pipeline.namespace for pipeline in server.pipelines.values()} == {"team-a", "team-b"}
        assert registered(compiled, "--host", server.url, "--namespace", "team-a")["outcome"] == "unchanged"


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_names_the_token(server: KfpApiServer, compiled: Path, status: int) -> None:
    server.fail("GET /.*", status)
    error = refused(compiled, "--host", server.url)
    assert f"answered {status}" in error.message
    assert "injected fault" in error.message
    assert "token" in error.remedy


def test_a_login_page_is_not_taken_for_an_answer(server: KfpApiServer, compiled: Path) -> None:
    server.fail(".*", 200, times=9, body=b"<html>Log in</html>")
    assert "is not an answer of a Kubeflow Pipelines API server" in refused(compiled, "--host", server.url).message


def test_a_version_of_kfp_1_with_the_same_name_is_other_content(server: KfpApiServer, compiled: Path) -> None:
    registered(compiled, "--host", server.url, "--version", "v1")
    next(iter(server.versions.values())).pipeline_spec = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow"}
    assert "other content" in refused(compiled, "--host", server.url, "--version", "v1").message


def test_a_file_that_is_no_pipeline_reaches_no_server(server: KfpApiServer, tmp_path: Path) -> None:
    wrong = tmp_path / "pipeline.yaml"
    wrong.write_text(yaml.safe_dump({"pipelineInfo": {"name": "x"}, "deploymentSpec": {}, "root": {"dagg": {}}}))
    assert "dagg" in refused(wrong, "--host", server.url, "--version", "v1").message
    assert "POST /pipelines" not in server.lines
    refused(tmp_path / "absent.yaml", "--host", server.url)


def test_the_outcome_is_text_without_json(server: KfpApiServer, compiled: Path) -> None:
    said = register(compiled, "--host", server.url, "--version", "v1").stdout.splitlines()
    assert said[0] == "registered: digits, version v1"
    assert said[1].startswith(f"  page: {server.url}/#/pipelines/details/")
