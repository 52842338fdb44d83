"""How `tinyops verify` judges what kubeflow/pipelines itself compiled, and changes of it that nobody runs.

    python -m tests.pipeline.kubeflow.verification.score GIT_FOLDER [TAG ...]

GIT_FOLDER is a clone of kubeflow/pipelines with its tags, bare or not. Files are read out of it and none is kept. Of
each tag: every compiled pipeline must pass, except those that the release itself refuses; every mutation of
mutations.py, in up to ten of the files that pass, must be refused; so must a value of the wrong type in every field.
"""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from edge_deployer.errors import TinyopsError
from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
from pipeline.kubeflow.verification.cluster_needs import cluster_needs
from pipeline.kubeflow.verification.duplicate_keys import check_keys
from pipeline.kubeflow.verification.findings import Finding
from pipeline.kubeflow.verification.messages import Messages
from pipeline.kubeflow.verification.newest_kfp import default_folder, newest_kfp
from pipeline.kubeflow.verification.parsed_pipeline import parse
from pipeline.kubeflow.verification.plain_scalars import check_plain_scalars
from pipeline.kubeflow.verification.verify import static_checks
from tests.pipeline.kubeflow.verification.mutations import MUTATIONS, PROTOJSON

TAGS: Final = ("2.14.0", "2.15.0", "2.16.0", "2.17.0")
FOLDERS: Final = ("sdk", "test_data", "backend/src", "kubernetes_platform", "samples")
REFUSED_THERE: Final = {
    r"/invalid/": "kept to be refused",
    r"hello_world_schema_2_0_0\.yaml$|v2-hello-world\.json$": "schema 2.0.0: apiserver/template/v2_template.go:230",
    r"list_artifacts(_GH-12033)?\.yaml$|artifacts_parallelfor": "artifact iterator: argocompiler/dag.go:69",
    r"^2\.14\.0/.*config_map_as_(env|vol)\.yaml$": "configNameParameter, which that tag's own proto does not have",
}
"""Compiled files that the release itself does not run, by tag and path, and where it says so."""

FREE: Final = {"constant", "defaultValue", "metadata", "literals", "pvcSpecPatch", "customProperties"}
"""Fields that hold any JSON."""

MOST_FILES: Final = 10


def score(git_folder: Path, tag: str, messages: Messages) -> bool:
    """Print what verify makes of the files of a tag; whether all is as it should be."""
    passing, wrong = [], list[str]()
    files = dict(compiled_files(git_folder, tag))
    for path, text in files.items():
        why = next((why for pattern, why in REFUSED_THERE.items() if re.search(pattern, f"{tag}/{path}")), None)
        file, findings = judged(text, messages)
        if file is not None and not findings:
            passing.append(file)
            if not all(need.name for need in cluster_needs(parse(file, messages)[0])):
                wrong.append(f"{path}: something that the cluster must have has no name")
        if bool(findings) != bool(why):
            wrong.append(f"{path}: {findings[0] if findings else f'passes; {why}'}")
    refused, mutants = mutated(passing, messages, wrong)
    typed, fields = wrong_types(passing, messages, wrong)
    sys.stdout.write(
        f"{tag}: {len(passing)} of {len(files)} pass, {len(files) - len(passing)} are refused; of {len(MUTATIONS)}"
        f" kinds of mutation {refused} of {mutants} are refused; of wrong types {typed} of {fields}\n"
    )
    sys.stdout.writelines(f"  {line}\n" for line in wrong)
    return not wrong


def compiled_files(git_folder: Path, tag: str) -> Iterator[tuple[str, bytes]]:
    """Path and text of each compiled pipeline of a tag; a PipelineJob, which Vertex AI takes, is none."""
    names = _git(git_folder, "ls-tree", "-r", "--name-only", tag, *FOLDERS).decode().splitlines()
    for name in names:
        if name.endswith((".yaml", ".json")):
            text = _git(git_folder, "show", f"{tag}:{name}")
            if b"pipelineInfo" in text and b"deploymentSpec" in text and b"pipelineSpec" not in text:
                yield name, text


def judged(text: bytes, messages: Messages) -> tuple[PipelineFile | None, list[Finding]]:
    """A file, and what is wrong with it."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "pipeline.yaml")
        path.write_bytes(text)
        try:
            file = PipelineFile.load(path)
        except TinyopsError as error:
            return None, [Finding("", str(error))]
        return file, [*check_keys(path).findings, *check_plain_scalars(path).findings, *wrong_with(file, messages)]


def wrong_with(file: PipelineFile, messages: Messages) -> list[Finding]:
    """What is wrong with a file that is YAML."""
    return [finding for check in static_checks(*parse(file, messages)) for finding in check.findings]


def mutated(files: list[PipelineFile], messages: Messages, wrong: list[str]) -> tuple[int, int]:
    """How many mutations are refused, and how many there are."""
    refused = total = 0
    for mutation in MUTATIONS:
        hit = (changed for file in files for changed in islice(mutation.of(file), 1))
        for changed in islice(hit, MOST_FILES):
            total += 1
            if wrong_with(changed, messages):
                refused += 1
            else:
                wrong.append(f"{mutation} passes in {changed.name}; {mutation.source}")
    return refused, total


def wrong_types(files: list[PipelineFile], messages: Messages, wrong: list[str]) -> tuple[int, int]:
    """How many fields refuse a list in a list, which no field of a message takes, and how many were asked."""
    refused = total = 0
    for file in files[:: max(1, len(files) // MOST_FILES)]:
        for place in _fields(file.spec):
            changed = copy.deepcopy(file)
            holder: Any = changed.spec
            for key in place[:-1]:
                holder = holder[key]
            holder[place[-1]] = [[]]
            total += 1
            _, misfits = parse(changed, messages)
            if misfits.spec or misfits.deployment:
                refused += 1
            else:
                wrong.append(f"{'.'.join(map(str, place))} of {file.name} takes a list in a list; {PROTOJSON}")
    return refused, total


def _fields(document: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in items:
        # deploymentSpec is a Struct, which Python reads as a mapping or not at all.
        if key not in FREE and (*place, key) != ("deploymentSpec",):
            yield (*place, key)
            if isinstance(value, (dict, list)):
                yield from _fields(value, (*place, key))


def _git(folder: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", "--git-dir", folder, *arguments], capture_output=True, check=True).stdout


def main() -> int:
    """Score the tags that the command line names, or all."""
    git_folder, *tags = sys.argv[1:]
    messages = newest_kfp(default_folder(), offline=False, before_making=lambda: None).messages()
    scores = [score(Path(git_folder), tag, messages) for tag in tags or TAGS]
    return 0 if all(scores) else 1


if __name__ == "__main__":
    sys.exit(main())
