"""A project in a git repository, delivered to a server with quick commands and tools."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner, Result

from edge_deployer.errors import TinyopsError
from pipeline.ci import tools
from pipeline.ci.clock import Clock
from pipeline.ci.steps import Tools
from pipeline.cli.ci import ci
from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
from tests.pipeline.compiled_pipeline import write_pipeline
from tests.pipeline.git_project import commit_all
from tests.pipeline.kfp_api_server import KfpApiServer
from tests.pipeline.kfp_fixtures import no_kfp_environment, server

__all__ = ["delivered", "no_kfp_environment", "server"]

_COMMAND = typer.Typer()
_COMMAND.command()(ci)


@dataclass
class Delivered:
    """A project that `tinyops ci` is called for.

    Attributes:
        config: its tinyops.yaml.
        server: where it is registered.
        log: a line for each command that ran.
        seconds: on the clock that the wait for a run looks at.
        broken: the tool that shall fail.
        calls: the tools that were called, in order.
        image: that the pipeline was compiled with last, in the place of the config's.
    """

    config: Path
    server: KfpApiServer
    log: Path
    seconds: float = 0.0
    broken: str | None = None
    calls: list[str] = field(default_factory=list)
    image: str | None = None

    @property
    def folder(self) -> Path:
        return self.config.parent

    @property
    def commands(self) -> list[str]:
        """The commands that ran, in order."""
        return self.log.read_text().split() if self.log.exists() else []

    def configure(self, **section: Any) -> None:
        """Write section `ci` anew, and commit."""
        config = yaml.safe_load(self.config.read_text())
        config["ci"] = {**config["ci"], **section}
        self.config.write_text(yaml.safe_dump(config))
        commit_all(self.folder)

    def on_kubeflow(self, **section: Any) -> None:
        """Write section `kubeflow` anew, and commit."""
        config = yaml.safe_load(self.config.read_text())
        config["kubeflow"] = {**config["kubeflow"], **section}
        self.config.write_text(yaml.safe_dump(config))
        commit_all(self.folder)

    def change(self, name: str, text: str = "changed") -> None:
        """Write a file, and commit."""
        (self.folder / name).parent.mkdir(exist_ok=True)
        (self.folder / name).write_text(text)
        commit_all(self.folder)

    def ci(self, *arguments: str) -> Result:
        """Call the command; forget what an earlier call did."""
        self.log.unlink(missing_ok=True)
        self.calls.clear()
        self.server.requests.clear()
        workspace = str(self.log.parent / "workspace")
        return CliRunner().invoke(_COMMAND, [str(self.config), "--workspace", workspace, *arguments])

    def outcome(self, *arguments: str, status: int = 0) -> dict[str, Any]:
        """Call the command with --json; what it prints."""
        result = self.ci(*arguments, "--json")
        assert result.exit_code == status, result.exception or result.output
        return dict(json.loads(result.stdout))

    def approved(self, *arguments: str, status: int = 0) -> dict[str, Any]:
        return self.outcome("--approved-by", "Ada", *arguments, status=status)

    def refused(self, *arguments: str) -> TinyopsError:
        """Call the command; the error that it ends with before any step."""
        error = self.ci(*arguments).exception
        assert isinstance(error, TinyopsError), error
        return error

    def tools(self) -> Tools:
        return Tools(self._compile, self._verify, self._copy_junit, Clock(lambda: self.seconds, self._pause))

    @property
    def junit(self) -> Path:
        """Where the command leaves the acceptance of a run."""
        return self.log.parent / "workspace" / "junit.xml"

    def _compile(self, config: Path, image: str | None) -> PipelineFile:
        self._call("compile")
        self.image = image
        assert config == self.config
        return write_pipeline(self.log.parent / "compiled.yaml", image=image)

    def _verify(self, path: Path, offline: bool, namespace: str | None) -> None:
        self._call("verify")
        assert PipelineFile.load(path).name == "digits"
        assert not offline
        assert namespace is None

    def _copy_junit(self, folder: str, to: Path) -> None:
        if self.broken == "store":
            raise TinyopsError("the store is broken", remedy="mend it")
        to.write_text(folder)

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.broken == name:
            raise TinyopsError(f"{name} is broken", remedy="mend it")

    def _pause(self, seconds: float) -> None:
        assert seconds > 0
        self.seconds += seconds


@pytest.fixture
def delivered(
    project: Callable[..., Path], tmp_path: Path, server: KfpApiServer, monkeypatch: pytest.MonkeyPatch
) -> Delivered:
    """A project whose lint and tests leave a line in a log outside the repository."""
    config = project()
    folder = tmp_path / "repository"
    folder.mkdir()
    for path in tmp_path.iterdir():
        if path.is_file():
            path.rename(folder / path.name)
    log = tmp_path / "log"
    text = yaml.safe_load((folder / config.name).read_text())
    text["ci"] = {"lint": [f"sh -c 'echo lint >> {log}'"], "test": [f"sh -c 'echo tests >> {log}'"], "host": server.url}
    text["kubeflow"] = {
        "image": "registry.example.com:5000/tinyops/pipeline:1.0.0",
        "pipeline_root": "minio://bucket/line",
    }
    (folder / config.name).write_text(yaml.safe_dump(text))
    commit_all(folder)
    made = Delivered(folder / config.name, server, log)
    monkeypatch.setattr(tools, "real_tools", made.tools)
    return made
