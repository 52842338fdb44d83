"""The section `kubeflow`: what Kubernetes would refuse is refused here, and what steps get of the object store."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from pipeline.kubeflow.compilation import platform_document
from pipeline.project.kubeflow_settings import PIPELINE_ROOT, Image, KubeflowSection
from pipeline.project.step_names import BASELINE, PUSHER, READER

DIGEST = f"sha256:{'0a' * 32}"
STORE = {"AWS_ENDPOINT_URL": "http://seaweedfs.kubeflow:9000"}
KEYS = {
    "AWS_ACCESS_KEY_ID": ("mlpipeline-minio-artifact", "accesskey"),
    "AWS_SECRET_ACCESS_KEY": ("mlpipeline-minio-artifact", "secretkey"),
}


def section(**values: Any) -> KubeflowSection:
    return KubeflowSection.model_validate(
        {"image": "team/pipeline:1", "pipeline_root": "minio://bucket/line", **values}
    )


def executor(step: str, settings: KubeflowSection) -> dict[str, Any]:
    spec = {
        "root": {"dag": {"tasks": {step: {"componentRef": {"name": "component"}}}}},
        "components": {"component": {"executorLabel": "executor"}},
    }
    document = platform_document.build(settings, spec)
    return document["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["executor"] if document else {}


def secret_variables(step: str, settings: KubeflowSection) -> list[tuple[str, tuple[str, str]]]:
    return [
        (pair["envVar"], (secret["secretName"], pair["secretKey"]))
        for secret in executor(step, settings).get("secretAsEnv", [])
        for pair in secret["keyToEnv"]
    ]


def takes_image(image: str) -> bool:
    try:
        TypeAdapter(Image).validate_python(image)
    except ValidationError:
        return False
    return True


HOSTS = st.from_regex(
    r"([A-Za-z0-9]([A-Za-z0-9-]{0,5}[A-Za-z0-9])?\.){0,2}[A-Z0-9a-z]{1,4}|\[[0-9a-f:]{2,8}\]", fullmatch=True
)
PORTS = st.from_regex(r"(:[0-9]{1,5})?", fullmatch=True)
PARTS = st.from_regex(r"[a-z0-9]{1,4}(([._]|__|-{1,3})[a-z0-9]{1,3}){0,2}", fullmatch=True)
TAGS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", fullmatch=True).filter(lambda tag: tag != "latest")
REGISTRIES = st.just("") | st.tuples(HOSTS, PORTS).map(lambda parts: "".join(parts) + "/")
NAMES = st.tuples(REGISTRIES, st.lists(PARTS, min_size=1, max_size=3)).map(lambda name: name[0] + "/".join(name[1]))
IMAGES = st.tuples(
    NAMES, TAGS.map(lambda tag: f":{tag}") | st.just(f"@{DIGEST}") | TAGS.map(lambda tag: f":{tag}@{DIGEST}")
).map("".join)


@given(IMAGES)
def test_an_image_with_a_tag_or_a_digest_is_taken(image: str) -> None:
    assert takes_image(image)


@given(image=IMAGES, character=st.sampled_from(" \n\t@!?"), data=st.data())
def test_an_image_with_a_character_that_is_not_the_grammars_is_refused(
    image: str, character: str, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(image)))
    assert not takes_image(image[:place] + character + image[place:])


@given(registry=REGISTRIES, part=PARTS, place=st.integers(0, 3))
def test_a_repository_with_a_capital_is_refused(registry: str, part: str, place: int) -> None:
    assert not takes_image(f"{registry}team/{part[:place]}X{part[place:]}:1")


@pytest.mark.parametrize(
    "image",
    [
        "repo/img@sha256:abc",
        "img:latest@sha256:short",
        f"@{DIGEST}",
        "a:b:c",
        "http://r/x:1",
        "Reg/Upper:1",
        "repo/img:1\n",
        "repo/img:1/",
        "/img:1",
        "registry.example.com:5000/img",
        "img:latest",
        f"img:{'1' * 129}",
        "",
    ],
)
def test_what_is_no_image_is_refused(image: str) -> None:
    assert not takes_image(image)


def node_term(operator: str, *values: str) -> dict[str, Any]:
    return {"match": [{"key": "pool", "operator": operator, "values": list(values)}]}


SECRETS = {"keys": {"mount": "/a"}, "more": {"mount": "/a"}}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"secrets": {"my.secret": {"mount": "/a"}}}, "secrets.my.secret cannot be mounted"),
        ({"secrets": {"s" * 64: {"mount": "/a"}}}, "cannot be mounted"),
        ({"config_maps": {"my.map": {"mount": "/a"}}}, "config_maps.my.map"),
        ({"volumes": {"v" * 64: {"mount": "/a"}}}, "volumes.v"),
        ({"release_line": {"claim": "release.line"}}, "release_line.claim"),
        ({"release_line": {"inventory": {"name": "my.boards", "key": "boards.yaml"}}}, "release_line.inventory.name"),
        (
            {
                "secrets": {"site": {"mount": "/a"}},
                "config_maps": {"site": {"mount": "/b"}},
                "steps": {"Trainer": {"secrets": ["site"], "config_maps": ["site"]}},
            },
            "step Trainer mounts Secret site at /a and ConfigMap site at /b",
        ),
        (
            {
                "secrets": {"site": {"mount": "/a"}},
                "volumes": {"site": {"mount": "/b"}},
                "steps": {"all": {"secrets": ["site"]}, "Trainer": {"volumes": ["site"]}},
            },
            "step Trainer mounts Secret site at /a and PersistentVolumeClaim site at /b",
        ),
        (
            {"secrets": {"release-key": {"mount": "/a"}}, "steps": {"all": {"secrets": ["release-key"]}}},
            "step TFLMPusher mounts Secret release-key at /a and Secret release-key at /etc/tinyops/signing-key",
        ),
        (
            {"release_line": {"claim": "release-key"}},
            "step TFLMPusher mounts Secret release-key at /etc/tinyops/signing-key and PersistentVolumeClaim",
        ),
        (
            {"secrets": SECRETS, "steps": {"Trainer": {"secrets": ["keys", "more"]}}},
            "step Trainer mounts Secret keys and Secret more at /a:",
        ),
        (
            {
                "secrets": SECRETS,
                "volumes": {"data": {"mount": "/a/"}},
                "steps": {"Trainer": {"secrets": ["keys"], "volumes": ["data"]}},
            },
            "step Trainer mounts Secret keys and PersistentVolumeClaim data at /a:",
        ),
        (
            {"volumes": {"data": {"mount": "/var/lib/tinyops"}}, "steps": {PUSHER: {"volumes": ["data"]}}},
            "step TFLMPusher mounts PersistentVolumeClaim data and PersistentVolumeClaim release-line",
        ),
        ({"volumes": {"data": {"mount": "/a:b"}}}, "volumes.data.mount"),
        ({"volumes": {"data": {"mount": "/"}}}, "volumes.data.mount"),
        ({"steps": {"all": {"tolerations": [{}]}}}, "Equal needs a key"),
        (
            {"steps": {"all": {"tolerations": [{"key": "gpu", "operator": "Exists", "value": "x"}]}}},
            "Exists takes no value",
        ),
        ({"steps": {"all": {"tolerations": [{"key": "gpu", "seconds": 3}]}}}, "NoExecute only"),
        ({"steps": {"all": {"tolerations": [{"key": "gpu", "value": "my gpu !"}]}}}, "tolerations.0.value"),
        ({"steps": {"all": {"labels": {"team": "my team !"}}}}, "labels.team"),
        ({"steps": {"all": {"labels": {"team": "x" * 64}}}}, "labels.team"),
        ({"steps": {"all": {"labels": {"x" * 64: "team"}}}}, "labels"),
        ({"steps": {"all": {"node_selector": {"pool": "-gpu"}}}}, "node_selector.pool"),
        ({"release_line": {"labels": {"role": "a/b"}}}, "release_line.labels.role"),
        ({"release_line": {"signing_key": {"name": "key", "key": "../x y"}}}, "release_line.signing_key.key"),
        ({"secrets": {"vault": {"environment": {"TOKEN": "my token"}}}}, "secrets.vault.environment.TOKEN"),
        ({"secrets": {"vault": {"environment": {"TOKEN": ".."}}}}, "secrets.vault.environment.TOKEN"),
        ({"secrets": {"a..b": {"environment": {"TOKEN": "token"}}}}, "secrets.a..b"),
        ({"object_store": {"endpoint": None, "secret": "s", "access_key": "a/b"}}, "object_store.access_key"),
        ({"object_store": {"secret": "mine"}}, "object_store.endpoint"),
        ({"steps": {"all": {"cpu": float("inf")}}}, "steps.all.cpu"),
        ({"steps": {"all": {"memory_gb": float("nan")}}}, "steps.all.memory_gb"),
        (
            {"steps": {"all": {"cpu": 1}, "Trainer": {"cpu_request": 2}}},
            "steps.Trainer.cpu_request is 2, which is more than its limit cpu, 1",
        ),
        (
            {"steps": {"all": {"memory_gb": 4, "memory_request_gb": 4.5}}},
            "steps.all.memory_request_gb is 4.5, which is more than its limit memory_gb, 4",
        ),
        (
            {
                "volumes": {"data": {"mount": "/dev/shm"}},
                "steps": {"all": {"volumes": ["data"], "shared_memory_gb": 1}},
            },
            "step TFLMPusher mounts PersistentVolumeClaim data and volume shared-memory at /dev/shm:",
        ),
        ({"steps": {"all": {"shared_memory_gb": 0.0001}}}, "steps.all.shared_memory_gb"),
        ({"steps": {"all": {"timeout_s": 2**31}}}, "steps.all.timeout_s"),
        ({"steps": {"all": {"timeout_s": 0}}}, "steps.all.timeout_s"),
        ({"steps": {"all": {"image_pull_policy": "Sometimes"}}}, "steps.all.image_pull_policy"),
        ({"steps": {"all": {"image_pull_secrets": ["My_Secret"]}}}, "steps.all.image_pull_secrets.0"),
        ({"steps": {"all": {"annotations": {"a/b/c": "x"}}}}, "steps.all.annotations"),
        ({"steps": {"all": {"retries": {"limit": 0}}}}, "steps.all.retries.limit"),
        ({"steps": {"all": {"retries": {"limit": 1, "factor": 1.5}}}}, "steps.all.retries.factor"),
        (
            {"steps": {"all": {"retries": {"limit": 3, "backoff_s": 600}}}},
            "the waits before 3 more tries come to 4200 s, and within_s is 3600",
        ),
        ({"steps": {"all": {"node_affinity": [{"match": []}]}}}, "node_affinity.0.match"),
        ({"steps": {"all": {"node_affinity": [node_term("In")]}}}, "In needs values"),
        ({"steps": {"all": {"node_affinity": [node_term("Exists", "a")]}}}, "Exists takes no values"),
        ({"steps": {"all": {"node_affinity": [node_term("Gt", "many")]}}}, "Gt takes one value, a whole number"),
        ({"steps": {"all": {"node_affinity": [node_term("Lt", "1", "2")]}}}, "Lt takes one value"),
        ({"steps": {"all": {"node_affinity": [node_term("Near", "a")]}}}, "operator"),
        ({"steps": {"all": {"node_affinity": [{**node_term("Exists"), "weight": 101}]}}}, "weight"),
        ({"ttl": {"seconds_after_completion": 0}}, "ttl.seconds_after_completion"),
        ({"ttl": {"seconds_after_never": 1}}, "ttl.seconds_after_never"),
    ],
)
def test_what_kubernetes_refuses_is_refused_and_named(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        section(**values)
    found = [f"{'.'.join(map(str, error['loc']))} {error['msg']}" for error in refused.value.errors()]
    assert any(said in finding for finding in found), found


@pytest.mark.parametrize(
    "values",
    [
        {"secrets": {"my.secret": {"environment": {"TOKEN": "token"}}}, "steps": {"all": {"secrets": ["my.secret"]}}},
        {"secrets": {"s" * 63: {"mount": "/a"}}},
        {"secrets": SECRETS, "steps": {"Trainer": {"secrets": ["keys"]}, "Transform": {"secrets": ["more"]}}},
        {"secrets": SECRETS, "steps": {"all": {"secrets": ["keys"]}, "Trainer": {"secrets": ["keys"]}}},
        {"steps": {"all": {"tolerations": [{"operator": "Exists"}]}}},
        {"steps": {"all": {"tolerations": [{"key": "a.b/gpu", "value": "", "effect": "NoExecute", "seconds": 0}]}}},
        {"steps": {"all": {"labels": {"team": "", "example.com/x": "A_b.c-1" + "x" * 56}}}},
        {"release_line": {"signing_key": {"name": "key", "key": ".Key_1-a..pem"}}},
        {"steps": {"all": {"retries": {"limit": 5, "backoff_s": 0, "factor": 1, "within_s": 1}}}},
        {"steps": {"all": {"cpu": 2, "cpu_request": 2, "timeout_s": 2**31 - 1}}},
        {"steps": {"all": {"node_affinity": [node_term("Gt", "8"), {**node_term("NotIn", "a"), "weight": 100}]}}},
    ],
)
def test_what_kubernetes_takes_is_taken(values: dict[str, Any]) -> None:
    taken = section(**values)
    assert KubeflowSection.model_validate(taken.model_dump()) == taken


@pytest.mark.parametrize("data_file", ["", "a.npz", "/", "/data/", "http://host/a.npz", "minio://bucket", "s3://b/ "])
def test_a_data_file_that_no_step_could_read_is_refused(data_file: str) -> None:
    with pytest.raises(ValidationError, match="data_file"):
        section(data_file=data_file)


@pytest.mark.parametrize("data_file", ["/a.npz", "/data/my file.npz", "minio://b/a.npz", "s3://b/c/a.npz", "gs://b/a"])
def test_a_data_file_is_an_absolute_path_or_a_uri(data_file: str) -> None:
    assert section(data_file=data_file).data_file == data_file


@given(
    root=st.from_regex(r"(minio|s3|gs)://[a-z0-9.-]{1,9}(/[A-Za-z0-9._=-]{0,5}){0,3}", fullmatch=True),
    character=st.sampled_from("?*[ \n\t"),
    data=st.data(),
)
def test_a_pipeline_root_has_neither_wildcards_nor_a_query(root: str, character: str, data: st.DataObject) -> None:
    assert section(pipeline_root=root).pipeline_root == root.rstrip("/")
    place = data.draw(st.integers(root.index("://") + 3, len(root)))
    wrong = root[:place] + character + root[place:]
    assert not re.fullmatch(PIPELINE_ROOT, wrong)
    with pytest.raises(ValidationError, match="pipeline_root"):
        section(pipeline_root=wrong)


@pytest.mark.parametrize(
    ("values", "reader", "baseline"),
    [
        ({}, True, True),
        ({"data_file": "/data/a.npz"}, True, True),
        ({"data_file": "minio://data/a.npz"}, True, True),
        ({"data_file": "s3://data/a.npz"}, False, True),
        ({"pipeline_root": "s3://bucket/line"}, False, False),
        ({"pipeline_root": "gs://bucket/line", "data_file": "gs://data/a.npz"}, False, False),
        ({"pipeline_root": "s3://bucket/line", "data_file": "minio://data/a.npz"}, True, False),
    ],
)
def test_only_steps_that_open_kubeflows_store_get_its_address_and_keys(
    values: dict[str, Any], reader: bool, baseline: bool
) -> None:
    """The first step looks into the pipeline root too, if it can reach that store beside the data's."""
    settings = section(**values)
    assert platform_document.first_step_opens_the_root(settings) == (reader == baseline)
    for step, reads in ((READER, reader), (BASELINE, baseline), ("Trainer", False)):
        assert platform_document.store_environment(step, settings) == (STORE if reads else {})
        assert dict(secret_variables(step, settings)) == (KEYS if reads else {})


def test_a_store_that_the_project_names_is_for_all_that_steps_open_there() -> None:
    store = {"endpoint": "http://store:9000", "secret": "store-keys", "access_key": "id"}
    settings = section(pipeline_root="s3://bucket", data_file="s3://data/a.npz", object_store=store)
    for step in (READER, BASELINE):
        assert platform_document.store_environment(step, settings) == {"AWS_ENDPOINT_URL": "http://store:9000"}
        assert dict(secret_variables(step, settings))["AWS_ACCESS_KEY_ID"] == ("store-keys", "id")
        assert platform_document.store_environment("Trainer", settings) == {}


def test_a_step_with_other_keys_than_the_one_that_needs_the_root_does_not_look_into_it() -> None:
    keys = {"steps": {BASELINE: {"environment": {"AWS_PROFILE": "models"}}}}
    assert not platform_document.first_step_opens_the_root(section(pipeline_root="s3://bucket", **keys))
    everywhere = {"steps": {"all": {"environment": {"AWS_PROFILE": "models"}}}}
    assert platform_document.first_step_opens_the_root(section(pipeline_root="s3://bucket", **everywhere))


@pytest.mark.parametrize("endpoint", ["seaweedfs.kubeflow:9000", "minio://store", "http://store/bucket", "http://"])
def test_an_address_that_boto3_would_not_take(endpoint: str) -> None:
    with pytest.raises(ValidationError, match="endpoint"):
        section(object_store={"endpoint": endpoint, "secret": None})


def test_what_a_step_sets_itself_goes_before_the_stores() -> None:
    own = {"environment": {"AWS_ACCESS_KEY_ID": "id", "AWS_ENDPOINT_URL": "where"}}
    settings = section(
        data_file="minio://data/a.npz",
        secrets={"own": own},
        steps={READER: {"secrets": ["own"]}, BASELINE: {"environment": dict.fromkeys(KEYS, "x")}},
    )
    assert secret_variables(READER, settings) == [
        ("AWS_ACCESS_KEY_ID", ("own", "id")),
        ("AWS_ENDPOINT_URL", ("own", "where")),
        ("AWS_SECRET_ACCESS_KEY", KEYS["AWS_SECRET_ACCESS_KEY"]),
    ]
    assert platform_document.store_environment(READER, settings) == {}
    assert secret_variables(BASELINE, settings) == []
    assert platform_document.store_environment(BASELINE, settings) == STORE


def test_a_steps_own_nodes_take_the_place_of_those_of_all_steps() -> None:
    """Terms are alternatives: joined, the step would also run where it must not."""
    settings = section(
        steps={"all": {"node_affinity": [node_term("Exists")]}, "Trainer": {"node_affinity": [node_term("In", "gpu")]}}
    )
    (term,) = settings.step("Trainer").node_affinity
    assert term.match[0].values == ["gpu"]
    assert settings.step("Transform").node_affinity == settings.steps["all"].node_affinity


def test_what_a_step_asks_for_itself_goes_before_what_all_ask_for() -> None:
    everywhere = {
        "timeout_s": 60,
        "image_pull_policy": "Always",
        "image_pull_secrets": ["registry"],
        "annotations": {"a": "1", "b": "1"},
        "retries": {"limit": 1},
    }
    own = {"timeout_s": 90, "image_pull_secrets": ["mirror"], "annotations": {"b": "2"}, "retries": {"limit": 2}}
    settings = section(steps={"all": everywhere, "Trainer": own})
    asked = executor("Trainer", settings)
    assert asked["activeDeadlineSeconds"] == 90
    assert asked["imagePullPolicy"] == "Always"
    assert asked["imagePullSecret"] == [{"secretName": "registry"}, {"secretName": "mirror"}]
    assert asked["podMetadata"] == {"annotations": {"a": "1", "b": "2"}}
    retries = [settings.step(step).retries for step in ("Trainer", "Transform", PUSHER)]
    assert [each and each.limit for each in retries] == [2, 1, 1]
