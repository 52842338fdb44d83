"""What a namespace of a Kubeflow with several users may do in Kubeflow's store: moto's server, with Kubeflow's policy.

Objects are as in kubeflow/pipelines 2.17.0, manifests/kustomize/base/installs/multi-user/pipelines-profile-controller/
sync.py, lines 472 to 491. Which prefixes may be listed, moto cannot tell apart: it has no conditions.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from edge_deployer.errors import TinyopsError
from pipeline.kubeflow.verification.multi_user import is_writable

NAMESPACE = "team-a"
FOLDERS = ("artifacts/*", f"private-artifacts/{NAMESPACE}/*", f"private/{NAMESPACE}/*", "shared/*")
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["s3:Put*", "s3:Get*", "s3:List*", "s3:DeleteObject"],
            "Resource": [f"arn:aws:s3:::mlpipeline/{folder}" for folder in FOLDERS],
        },
        {"Effect": "Allow", "Action": "s3:List*", "Resource": "arn:aws:s3:::mlpipeline"},
    ],
}
ROOTS = [
    "minio://mlpipeline/artifacts/tinyops",
    "minio://mlpipeline/private/team-a/tinyops",
    "minio://mlpipeline/private-artifacts/team-a/v2/artifacts",
    "minio://mlpipeline/shared/tinyops",
    "minio://mlpipeline/tinyops",
    "minio://mlpipeline/artifacts-2/tinyops",
    "minio://mlpipeline/private/team-b/tinyops",
    "minio://mlpipeline/private-artifacts/team-ab/tinyops",
]


@pytest.fixture
def namespaces_store(bucket: Any, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The bucket, with the keys of the namespace."""
    import boto3

    iam = boto3.client("iam", region_name="us-east-1")
    iam.create_user(UserName=NAMESPACE)
    iam.put_user_policy(UserName=NAMESPACE, PolicyName="KubeflowProject", PolicyDocument=json.dumps(POLICY))
    key = iam.create_access_key(UserName=NAMESPACE)["AccessKey"]
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        patch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        # It keeps the keys that it found first.
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        _ask_for_keys(endpoint, after=0)
        yield boto3.resource("s3").Bucket(bucket.name)
        _ask_for_keys(endpoint, after=float("inf"))
    iam.delete_access_key(UserName=NAMESPACE, AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName=NAMESPACE, PolicyName="KubeflowProject")
    iam.delete_user(UserName=NAMESPACE)


def _ask_for_keys(endpoint: str, after: float) -> None:
    headers = {"Content-Type": "text/plain"}
    request = urllib.request.Request(f"{endpoint}/moto-api/reset-auth", str(after).encode(), headers, method="POST")
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200


def answer_to(put: Callable[[], object]) -> str:
    from botocore.exceptions import ClientError

    try:
        put()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "written"


@pytest.mark.parametrize("root", ROOTS)
def test_verify_says_of_a_root_what_the_store_does(namespaces_store: Any, root: str, tmp_path: Path) -> None:
    from components.blessed_models import latest_other, record

    record(tmp_path, b"first")
    folder = f"{root.removeprefix('minio://mlpipeline/')}/digits/run-1/TFLMEvaluator/7/blessing"
    inside = is_writable(root, NAMESPACE)
    for file in tmp_path.iterdir():
        stored = namespaces_store.Object(f"{folder}/{file.name}")
        assert answer_to(partial(stored.put, Body=file.read_bytes())) == ("written" if inside else "AccessDenied")
    found = latest_other(f"{root}/digits", b"candidate")
    assert (found is not None and found.read() == b"first") == inside


@pytest.mark.usefixtures("namespaces_store")
def test_what_the_namespace_may_not_read_is_one_line_with_a_remedy() -> None:
    from components.object_store import read

    with pytest.raises(TinyopsError, match="AccessDenied") as refused:
        read("minio://mlpipeline/private/team-b/data.npz")
    assert "minio://mlpipeline/private/team-b/data.npz" in refused.value.message
