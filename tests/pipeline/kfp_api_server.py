"""A Kubeflow Pipelines API server, small and in memory, on real HTTP.

What goes over the wire is read and written by kfp-server-api's own models. What it does is what KFP's server does as
far as tinyops can see it: a version's file is parsed and given back written anew, without fields that have default
values (backend/src/apiserver/template/v2_template.go); a name is taken once; a pipeline with versions cannot be deleted
(backend/src/apiserver/resource/resource_manager.go). A run goes through the states that the test gives, one for each
time that somebody looks, so that no test waits for a clock.
"""

from __future__ import annotations

import email.policy
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import kfp_server_api as kfp_api
import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

_WIRE = kfp_api.ApiClient()


@dataclass(frozen=True)
class Request:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any = None
    file: bytes | None = None

    @property
    def line(self) -> str:
        """Method and path, without the ids."""
        return f"{self.method} {re.sub('[0-9a-f]{8}-[0-9a-f-]{27}', '*', self.path.removeprefix('/apis/v2beta1'))}"


class Refused(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Fault:
    """What goes wrong with the next requests of a kind.

    Attributes:
        line: pattern of `Request.line`.
        status: what is answered; None closes the connection without an answer.
        times: how often.
        afterwards: the request is carried out, and only its answer is lost.
    """

    line: str
    status: int | None
    times: int
    afterwards: bool
    body: bytes | None = None


@dataclass
class Look:
    """A run as it is when somebody looks: its state, and the state of tasks by display name."""

    state: str
    tasks: dict[str, str] = field(default_factory=dict)


@dataclass
class KfpApiServer:
    """The server's state, the requests that came, and what shall go wrong."""

    multi_user: bool = False
    filters: bool = True
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    pipelines: dict[str, kfp_api.V2beta1Pipeline] = field(default_factory=dict)
    versions: dict[str, kfp_api.V2beta1PipelineVersion] = field(default_factory=dict)
    experiments: dict[str, kfp_api.V2beta1Experiment] = field(default_factory=dict)
    runs: dict[str, kfp_api.V2beta1Run] = field(default_factory=dict)
    looks: list[Look] = field(default_factory=lambda: [Look("SUCCEEDED")])
    on_request: Callable[[Request], None] = lambda _request: None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def lines(self) -> list[str]:
        """The requests, short."""
        return [request.line for request in self.requests]

    @property
    def changing_lines(self) -> list[str]:
        """Those of them that change something."""
        return [line for line in self.lines if not line.startswith("GET")]

    def fail(
        self, line: str, status: int | None, *, times: int = 1, afterwards: bool = False, body: bytes | None = None
    ) -> None:
        """Let the next requests of a kind go wrong."""
        self.faults.append(Fault(line, status, times, afterwards, body))

    def fault_for(self, request: Request) -> Fault | None:
        for fault in self.faults:
            if fault.times > 0 and re.fullmatch(fault.line, request.line):
                fault.times -= 1
                return fault
        return None

    def answer(self, request: Request) -> Any:
        """Carry out a request."""
        for (method, pattern), operation in _OPERATIONS.items():
            match = re.fullmatch(pattern, request.path.removeprefix("/apis/v2beta1"))
            if match and request.method == method:
                return operation(self, request, *match.groups())
        raise Refused(404, "Not Found")

    def _asked_for(self, request: Request, thing: Any) -> bool:
        """Whether something passes the request's filter, which is on the display name."""
        for predicate in json.loads(request.query.get("filter", "{}")).get("predicates", []):
            assert (predicate["operation"], predicate["key"]) == (1, "display_name")
            if self.filters and thing.display_name != predicate["stringValue"]:
                return False
        return True

    # Pipelines

    def healthz(self, _request: Request) -> Any:
        return kfp_api.V2beta1GetHealthzResponse(multi_user=self.multi_user)

    def list_pipelines(self, request: Request) -> Any:
        namespace = request.query.get("namespace") if self.multi_user else None
        found = [one for one in self.pipelines.values() if one.namespace == namespace and self._asked_for(request, one)]
        return kfp_api.V2beta1ListPipelinesResponse(pipelines=found or None, total_size=len(found))

    def create_pipeline(self, request: Request) -> Any:
        pipeline = _read(request.body, "V2beta1Pipeline")
        pipeline.namespace = pipeline.namespace if self.multi_user else None
        taken = {(one.display_name, one.namespace) for one in self.pipelines.values()}
        if (pipeline.display_name, pipeline.namespace) in taken:
            raise Refused(409, f"Already exist error: The name {pipeline.display_name} already exists")
        pipeline.pipeline_id, pipeline.created_at = str(uuid4()), _now()
        self.pipelines[pipeline.pipeline_id] = pipeline
        return pipeline

    def delete_pipeline(self, _request: Request, pipeline_id: str) -> Any:
        _there(self.pipelines, pipeline_id)
        if any(version.pipeline_id == pipeline_id for version in self.versions.values()):
            raise Refused(400, "Failed to delete a pipeline that has pipeline versions")
        del self.pipelines[pipeline_id]
        return {}

    def list_versions(self, request: Request, pipeline_id: str) -> Any:
        _there(self.pipelines, pipeline_id)
        found = [
            one for one in self.versions.values() if one.pipeline_id == pipeline_id and self._asked_for(request, one)
        ]
        return kfp_api.V2beta1ListPipelineVersionsResponse(pipeline_versions=found or None, total_size=len(found))

    def upload_version(self, request: Request) -> Any:
        pipeline_id, name = request.query["pipelineid"], request.query["name"]
        _there(self.pipelines, pipeline_id)
        if any((one.pipeline_id, one.display_name) == (pipeline_id, name) for one in self.versions.values()):
            raise Refused(409, "Failed to create a pipeline version")
        version = kfp_api.V2beta1PipelineVersion(
            pipeline_id=pipeline_id,
            pipeline_version_id=str(uuid4()),
            display_name=name,
            created_at=_now(),
            pipeline_spec=_rewritten(request.file or b""),
        )
        self.versions[version.pipeline_version_id] = version
        return version

    def delete_version(self, _request: Request, _pipeline_id: str, version_id: str) -> Any:
        _there(self.versions, version_id)
        del self.versions[version_id]
        return {}

    # Runs

    def list_experiments(self, request: Request) -> Any:
        found = [one for one in self.experiments.values() if self._asked_for(request, one)]
        return kfp_api.V2beta1ListExperimentsResponse(experiments=found or None, total_size=len(found))

    def create_experiment(self, request: Request) -> Any:
        experiment = _read(request.body, "V2beta1Experiment")
        experiment.experiment_id, experiment.created_at = str(uuid4()), _now()
        self.experiments[experiment.experiment_id] = experiment
        return experiment

    def create_run(self, request: Request) -> Any:
        run = _read(request.body, "V2beta1Run")
        _there(self.experiments, run.experiment_id)
        version = _there(self.versions, run.pipeline_version_reference.pipeline_version_id)
        if run.runtime_config is None:
            raise Refused(400, "pipeline requiring input has no parameter(s) provided")
        spec = version.pipeline_spec.get("pipeline_spec", version.pipeline_spec)
        if run.runtime_config.pipeline_root != spec["defaultPipelineRoot"]:
            # KFP's server takes its own default, whatever the version says.
            raise Refused(400, "the run's artifacts would not go to the version's pipeline root")
        run.run_id, run.state = str(uuid4()), "PENDING"
        run.created_at = _now() + timedelta(minutes=len(self.runs))
        self.runs[run.run_id] = run
        return run

    def list_runs(self, request: Request) -> Any:
        assert request.query["sort_by"] == "created_at desc"
        found = [one for one in self.runs.values() if self._asked_for(request, one)]
        found = sorted(found, key=lambda run: run.created_at, reverse=True)[: int(request.query["page_size"])]
        return kfp_api.V2beta1ListRunsResponse(runs=found or None, total_size=len(found))

    def get_run(self, _request: Request, run_id: str) -> Any:
        run = _there(self.runs, run_id)
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        run.state = look.state
        details = [
            kfp_api.V2beta1PipelineTaskDetail(task_id=str(uuid4()), display_name=name, state=state)
            for name, state in look.tasks.items()
        ]
        run.run_details = kfp_api.V2beta1RunDetails(task_details=details)
        return run


_ID = "([0-9a-f-]{36})"
_OPERATIONS: dict[tuple[str, str], Callable[..., Any]] = {
    ("GET", "/healthz"): KfpApiServer.healthz,
    ("GET", "/pipelines"): KfpApiServer.list_pipelines,
    ("POST", "/pipelines"): KfpApiServer.create_pipeline,
    ("POST", "/pipelines/upload_version"): KfpApiServer.upload_version,
    ("DELETE", f"/pipelines/{_ID}"): KfpApiServer.delete_pipeline,
    ("GET", f"/pipelines/{_ID}/versions"): KfpApiServer.list_versions,
    ("DELETE", f"/pipelines/{_ID}/versions/{_ID}"): KfpApiServer.delete_version,
    ("GET", "/experiments"): KfpApiServer.list_experiments,
    ("POST", "/experiments"): KfpApiServer.create_experiment,
    ("POST", "/runs"): KfpApiServer.create_run,
    ("GET", "/runs"): KfpApiServer.list_runs,
    ("GET", f"/runs/{_ID}"): KfpApiServer.get_run,
}


@contextmanager
def kfp_api_server(*, multi_user: bool = False) -> Iterator[KfpApiServer]:
    """A server on a free port of the loopback interface."""
    state = KfpApiServer(multi_user=multi_user)
    http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"state": state}))
    state.url = f"http://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


class _Handler(BaseHTTPRequestHandler):
    state: KfpApiServer

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def _serve(self) -> None:
        request = self._read_request()
        with self.state.lock:
            self.state.requests.append(request)
            self.state.on_request(request)
            fault = self.state.fault_for(request)
            if fault is None:
                self._carry_out(request)
                return
            if fault.afterwards:
                self.state.answer(request)
        if fault.status is None:
            self.close_connection = True
            return
        self._send(fault.status, fault.body or json.dumps({"code": 13, "message": "injected fault"}).encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def _carry_out(self, request: Request) -> None:
        try:
            answer = self.state.answer(request)
        except Refused as refusal:
            self._send(refusal.status, json.dumps({"code": refusal.status, "message": str(refusal)}).encode())
            return
        self._send(200, json.dumps(_WIRE.sanitize_for_serialization(answer)).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _read_request(self) -> Request:
        url = urlsplit(self.path)
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        is_form = self.headers.get_content_type() == "multipart/form-data"
        return Request(
            method=self.command,
            path=url.path,
            query={name: values[0] for name, values in parse_qs(url.query).items()},
            headers={name.lower(): value for name, value in self.headers.items()},
            body=json.loads(content) if content and not is_form else None,
            file=_uploaded(self.headers["Content-Type"], content) if is_form else None,
        )


def _uploaded(content_type: str, content: bytes) -> bytes:
    """The file of a form's field `uploadfile`."""
    message = BytesParser(policy=email.policy.HTTP).parsebytes(
        f"Content-Type: {content_type}\r\n\r\n".encode() + content
    )
    (part,) = message.iter_parts()
    assert part.get_param("name", header="content-disposition") == "uploadfile"
    return bytes(part.get_payload(decode=True))


def _rewritten(file: bytes) -> dict[str, Any]:
    """What the server keeps of a file: the messages, without what has its default value."""
    spec, platform = None, None
    try:
        for document in yaml.safe_load_all(file):
            if "platforms" in document:
                # v2_template.go, IsPlatformSpecWithKubernetesConfig: what it cannot read is no platform document.
                with suppress(json_format.ParseError):
                    platform = json_format.ParseDict(document, pipeline_spec_pb2.PlatformSpec())
            else:
                spec = json_format.ParseDict(document, pipeline_spec_pb2.PipelineSpec())
    except (yaml.YAMLError, json_format.ParseError) as error:
        raise Refused(400, f"invalid v2 pipeline spec: {error}") from error
    if spec is None:
        raise Refused(400, "no pipeline spec is provided")
    written = json_format.MessageToDict(spec)
    if platform is None:
        return written
    return {"pipeline_spec": written, "platform_spec": json_format.MessageToDict(platform)}


def _read(body: Any, model: str) -> Any:
    return _WIRE.deserialize(SimpleNamespace(data=json.dumps(body)), model)


def _there(things: dict[str, Any], identifier: str) -> Any:
    if identifier not in things:
        raise Refused(404, f"{identifier} not found")
    return things[identifier]


def _now() -> datetime:
    return datetime(2026, 1, 1, tzinfo=timezone.utc)
