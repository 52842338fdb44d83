"""The newest kfp and kfp-kubernetes, in the environment that `tinyops verify` makes; pytest's cache keeps it."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from edge_deployer.errors import TinyopsError
from pipeline.cli.verify import verify
from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
from pipeline.kubeflow.verification.findings import Check, Finding
from pipeline.kubeflow.verification.kfp_child import check_loads
from pipeline.kubeflow.verification.messages import Messages
from pipeline.kubeflow.verification.newest_kfp import NewestKfp, UnavailableError, newest_kfp
from pipeline.kubeflow.verification.notes import notes
from pipeline.kubeflow.verification.parsed_pipeline import parse
from pipeline.kubeflow.verification.verify import Verification, static_checks, verify_file
from tests.pipeline.kubeflow.newest import newest as newest_environment
from tests.pipeline.kubeflow.valid_pipeline import valid_platform, valid_spec
from tests.pipeline.kubeflow.verification.mutations import MUTATIONS, Mutation

pytestmark = pytest.mark.verify

SETTINGS = "platforms.kubernetes.deploymentSpec.executors.exec-push"


@pytest.fixture(scope="session")
def environments(pytestconfig: pytest.Config) -> Path:
    assert pytestconfig.cache is not None
    return pytestconfig.cache.mkdir("newest-kfp")


@pytest.fixture(scope="session")
def newest(environments: Path) -> NewestKfp:
    return newest_environment(environments)


@pytest.fixture
def closed_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        return int(holder.getsockname()[1])


def with_settings(**fields: Any) -> PipelineFile:
    file = PipelineFile(valid_spec(), valid_platform())
    file.platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-push"] |= fields
    return file


@pytest.fixture(scope="session")
def messages(newest: NewestKfp) -> Messages:
    return newest.messages()


def wrong_with(file: PipelineFile, messages: Messages) -> list[Finding]:
    return [finding for check in static_checks(*parse(file, messages)) for finding in check.findings]


def test_nothing_is_wrong_with_a_valid_pipeline(messages: Messages) -> None:
    assert wrong_with(with_settings(), messages) == []


@pytest.mark.parametrize("mutation", MUTATIONS, ids=str)
def test_what_driver_argo_and_kubernetes_refuse_is_found_and_named(mutation: Mutation, messages: Messages) -> None:
    for change in mutation.of(PipelineFile(valid_spec(), valid_platform())):
        assert any(mutation.field in finding.place for finding in wrong_with(change, messages))


def test_what_newer_sdks_write_is_taken(messages: Messages) -> None:
    """Limits as text, which may be placeholders, task configurations, literals, a workspace, a time to live."""
    limit = "{{$.inputs.parameters['pipelinechannel--limit']}}"
    file = with_settings(
        securityContext={"runAsUser": 1000},
        secretAsEnv=[{"secretNameParameter": {"runtimeValue": {"constant": "keys"}}, "optional": True}],
    )
    file.executors["exec-gen"]["container"]["resources"] = {
        "resourceCpuLimit": "2",
        "resourceMemoryLimit": limit,
        "accelerator": {"resourceType": "nvidia.com/gpu", "resourceCount": "1"},
    }
    component = file.spec["components"]["comp-gen"]
    component["taskConfigPassthroughs"] = [{"field": "RESOURCES", "applyToTask": True}]
    component["inputDefinitions"]["parameters"]["config"] = {"parameterType": "TASK_CONFIG", "isOptional": True}
    file.spec["root"]["inputDefinitions"]["parameters"]["data_file"]["literals"] = ["/data/digits.npz"]
    file.platform["platforms"]["kubernetes"]["pipelineConfig"] = {
        "workspace": {"size": "10Gi", "kubernetes": {"pvcSpecPatch": {"accessModes": ["ReadWriteMany"]}}},
        "resourceTtlOnCompletion": 3600,
    }
    assert wrong_with(file, messages) == []
    assert sum("needs a back end from" in note for note in notes(parse(file, messages)[0])) == 5


def test_without_the_newest_kfp_a_field_that_may_be_newer_is_not_checked(tmp_path: Path) -> None:
    file = PipelineFile(valid_spec(), valid_platform())
    file.spec["root"]["fieldOfTomorrow"] = 1
    path = tmp_path / "pipeline.yaml"
    path.write_text(file.to_yaml())
    found = {
        check.name: check
        for check in verify_file(path, environments=tmp_path, offline=True, before_making=lambda: None).checks
    }
    assert found["pipeline document"].status == "not checked"
    assert [finding.place for finding in found["pipeline document"].findings] == ["root.fieldOfTomorrow"]
    assert found["platform document"].status == "passed"


@pytest.mark.parametrize(
    ("fields", "where", "what"),
    [
        ({"secretsAsVolume": []}, ".secretsAsVolume", "did you mean secretAsVolume"),
        ({"hostPathMount": []}, ".hostPathMount", "no such field"),
        ({"pvcMount": [{"constant": "a", "mountPth": "/a"}]}, ".pvcMount[0].mountPth", "did you mean mountPath"),
        ({"pvcMount": {"constant": "a"}}, ".pvcMount", "a list belongs here"),
        (
            {"pvcMount": [{"constant": "a", "componentInputParameter": "b", "mountPath": "/a"}]},
            ".pvcMount[0].constant",
            "componentInputParameter is given too",
        ),
        ({"tolerations": [{"tolerationSeconds": 1.5}]}, ".tolerations[0].tolerationSeconds", "1.5"),
        ({"nodeSelector": {"labels": {"gpu": True}}}, ".nodeSelector.labels.gpu", "True"),
        ({"securityContext": {"privileged": True}}, ".securityContext.privileged", "no such field"),
    ],
)
def test_a_setting_that_kfp_kubernetes_does_not_have_is_found_and_named(
    messages: Messages, fields: dict[str, Any], where: str, what: str
) -> None:
    finding, *_ = wrong_with(with_settings(**fields), messages)
    assert finding.place == SETTINGS + where
    assert what in finding.message


def test_the_newest_kfp_loads_a_valid_pipeline_and_says_why_not_another(newest: NewestKfp, tmp_path: Path) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_text(PipelineFile(valid_spec(), valid_platform()).to_yaml())
    good = check_loads("loads", newest.python, file)
    assert good.status == "passed", good.findings
    assert good.detail.startswith("kfp 2.")
    file.write_text(with_settings().to_yaml().replace("NUMBER_INTEGER", "NUMBER"))
    (finding,) = check_loads("loads", newest.python, file).findings
    assert "NUMBER" in finding.message


def test_the_environment_is_made_once(newest: NewestKfp, environments: Path) -> None:
    def fail() -> None:
        raise AssertionError("it is there already")

    assert newest_kfp(environments, offline=True, before_making=fail) == newest


@pytest.mark.usefixtures("newest")
def test_a_valid_pipeline_is_verified(environments: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_text(PipelineFile(valid_spec(), valid_platform()).to_yaml())
    verify(file, offline=False, environment=environments, as_json=False)
    said = capsys.readouterr().out
    assert "not checked" not in said
    assert "note: parameter steps has no default" in said
    assert "  secret        object-store: accesskey (exec-push)\n" in said
    assert "digits can be run" in said


def test_without_a_package_index_there_is_a_reason_and_nothing_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed_port: int
) -> None:
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{closed_port}/simple")
    said = []
    with pytest.raises(UnavailableError, match="pip does not reach its package index"):
        newest_kfp(tmp_path, offline=False, before_making=lambda: said.append("making"))
    assert said == ["making"]
    assert list(tmp_path.iterdir()) == []


def test_what_could_not_be_checked_is_a_failure_unless_it_was_to_be_expected() -> None:
    unknown = Verification("digits", (Check("a"), Check("b", not_checked="no index")), (), ())
    wrong = Verification("digits", (Check("a", (Finding("root", "is missing"),)),), (), ())
    assert unknown.verified(offline=True)
    assert not unknown.verified(offline=False)
    assert not wrong.verified(offline=True)


def test_a_folder_that_cannot_be_written_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TinyopsError, match="no environment can be made") as refused:
        newest_kfp(tmp_path / "file", offline=False, before_making=lambda: None)
    assert "--environment" in refused.value.remedy


def test_an_interpreter_without_kfp_is_no_fault_of_the_pipeline(tmp_path: Path) -> None:
    lacks_kfp = tmp_path / "python"
    lacks_kfp.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    lacks_kfp.chmod(0o755)
    check = check_loads("loads", lacks_kfp, tmp_path / "pipeline.yaml")
    assert check.status == "not checked"
    assert "cannot import kfp" in (check.not_checked or "")
