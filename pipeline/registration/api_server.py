"""Requests to a Kubeflow Pipelines API server; what it refuses is an error in one line."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import kfp
import kfp_server_api
import urllib3
from kfp.client import ServiceAccountTokenVolumeCredentials

from edge_deployer.errors import TinyopsError
from edge_deployer.files import read_text
from pipeline.project.compatibility import api_operation
from pipeline.registration.host import resolve_host

PAGE_VARIABLE: Final = "KF_PIPELINES_UI_ENDPOINT"
TOKEN_VARIABLE: Final = "KF_PIPELINES_SA_TOKEN_PATH"
"""kfp's own environment variables (kfp.client): the web page, if it is elsewhere, and a file with a bearer token."""

_TIMEOUT_S: Final = (5, 60)
"""To connect, and for an answer."""
_EQUALS: Final = 1
"""EQUALS of the API's filter (kubeflow/pipelines, backend/api/v2beta1/filter.proto)."""


class ApiServerError(TinyopsError):
    """The API server cannot be reached, or refuses.

    Attributes:
        status: HTTP status; None where no answer came.
    """

    def __init__(self, message: str, *, remedy: str, status: int | None) -> None:
        super().__init__(message, remedy=remedy)
        self.status = status

    @property
    def may_pass(self) -> bool:
        """Whether the same request may succeed a little later."""
        return self.status is None or self.status == 429 or self.status >= 500


class ApiServer:
    """An API server, and who asks it.

    `kfp.Client` finds out how to authenticate: from the token file that KF_PIPELINES_SA_TOKEN_PATH names, or from the
    cookie or header in ~/.config/kfp/context.json. Requests then go through the generated API that it holds
    (`client.pipelines`, `client.runs`), because its own methods wait for an answer for ever and print links on stdout.

    Args:
        host: address; None takes the environment's.
        namespace: of the pipelines and runs on a multi-user installation; None takes kfp's context.

    Raises:
        TinyopsError: no server is named, or the token file cannot be read.
        ApiServerError: it does not answer.
    """

    def __init__(self, host: str | None, namespace: str | None = None) -> None:
        self.host = resolve_host(host)
        self.page = (os.environ.get(PAGE_VARIABLE) or self.host).rstrip("/")
        credentials = _credentials()
        with _one_line_errors(self.host), warnings.catch_warnings():
            # "This client only works with Kubeflow Pipeline v2.0.0-beta.2 and later versions", every time.
            warnings.simplefilter("ignore", FutureWarning)
            # "kubeflow" is kfp's word for no namespace given.
            self.client = _Client(host=self.host, namespace=namespace or "kubeflow", credentials=credentials)
        self.namespace = namespace or self.client.get_user_namespace() or None

    def call(self, service: Any, operation: str, *arguments: Any, **options: Any) -> Any:
        """Send one request and wait for its answer, a bounded time.

        Args:
            service: a part of the generated API, e.g. `client.pipelines`.
            operation: name of a method of it, as kfp 2.5 has it.
            arguments: its arguments.
            options: its keyword arguments.

        Raises:
            ApiServerError: the server cannot be reached or refuses.
        """
        with _one_line_errors(self.host):
            return api_operation(service, operation)(*arguments, _request_timeout=_TIMEOUT_S, **options)

    def pipeline_url(self, pipeline_id: str, version_id: str) -> str:
        """Web page of a pipeline's version."""
        return f"{self.page}/#/pipelines/details/{pipeline_id}/version/{version_id}"

    def run_url(self, run_id: str) -> str:
        """Web page of a run."""
        return f"{self.page}/#/runs/details/{run_id}"


def display_name_filter(name: str) -> str:
    """The `filter` of a list request for what has this display name."""
    predicate = {"operation": _EQUALS, "key": "display_name", "stringValue": name}
    return json.dumps({"predicates": [predicate]})


class _Client(kfp.Client):
    """kfp's client asks a server for its health five times, five seconds apart, before it gives up."""

    def get_kfp_healthz(self, sleep_duration: int = 0) -> kfp_server_api.V2beta1GetHealthzResponse:
        """Ask once."""
        del sleep_duration
        return api_operation(self.healthzs, "get_healthz")(_request_timeout=_TIMEOUT_S)


@contextmanager
def _one_line_errors(host: str) -> Iterator[None]:
    try:
        yield
    except kfp_server_api.ApiException as error:
        raise _refusal(host, error) from error
    except urllib3.exceptions.HTTPError as error:
        raise _unreachable(host, error) from error


def _credentials() -> ServiceAccountTokenVolumeCredentials | None:
    """A bearer token if the environment names its file; kfp itself looks there only where it finds the host itself."""
    path = os.environ.get(TOKEN_VARIABLE)
    if not path:
        return None
    remedy = "mount the token there, or unset the variable for a server without authentication"
    read_text(Path(path), f"{TOKEN_VARIABLE}: token file {path}", remedy=remedy)
    return ServiceAccountTokenVolumeCredentials(path)


def _unreachable(host: str, error: urllib3.exceptions.HTTPError) -> ApiServerError:
    # Of "MaxRetryError: ... (Caused by NewConnectionError(<object>: reason))" the reason is what helps.
    cause = getattr(error, "reason", None) or error
    return ApiServerError(
        f"the Kubeflow Pipelines API server at {host} cannot be reached: {str(cause).rpartition(': ')[2]}",
        remedy="check the address and the network; from outside the cluster: "
        "kubectl port-forward -n kubeflow svc/ml-pipeline 8888:8888, then --host http://localhost:8888",
        status=None,
    )


def _refusal(host: str, error: kfp_server_api.ApiException) -> ApiServerError:
    return ApiServerError(
        f"the Kubeflow Pipelines API server at {host} answered {error.status} {error.reason or ''}".rstrip()
        + f": {_said(error.body)}",
        remedy=_remedy(error.status),
        status=error.status or None,
    )


def _said(body: str | None) -> str:
    """What an error's body says, in one line. gRPC's gateway has `message` or `error`, uploads `error_message`."""
    text = body or "nothing more"
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = {}
    if isinstance(document, dict):
        found = (document.get(key) for key in ("error_message", "message", "error"))
        text = next((value for value in found if isinstance(value, str) and value), text)
    line = " ".join(text.split())
    return line if len(line) <= 300 else f"{line[:300]} ..."


def _remedy(status: int | None) -> str:
    if status in (401, 403):
        return f"give a token that may do this ({TOKEN_VARIABLE} names its file), and the right --namespace"
    if status == 404:
        return "check that --host is the address of the API server, and that nobody deleted what is asked for"
    if status is None or status == 429 or status >= 500:
        return "look at the log of deployment ml-pipeline, then try again: what is registered is not registered twice"
    return "correct what the answer names"
