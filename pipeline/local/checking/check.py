"""Checks a project before it is trained: what needs no TensorFlow here, the network in a process of its own.

That process imports TensorFlow while the data is looked at here, and may be taken down by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from components.sensor_example_gen.dataset import ReadRecords, summarise
from components.sensor_example_gen.inspection import DividedData, data_facts, divide, front_end_facts, require_sound
from components.sensor_example_gen.reading import RecordReader
from components.sensor_example_gen.sources.anomaly import Anomaly
from components.sensor_example_gen.trial import Trial, try_records
from edge_deployer.errors import TinyopsError
from edge_deployer.inventory.inventory import Inventory
from edge_deployer.profile import BoardProfile
from edge_deployer.release.keys import environment_key
from edge_deployer.release.version import check_version
from edge_deployer.report import formats
from edge_deployer.report.data_view import data_warnings
from edge_deployer.report.facts import AnomalyFacts, DataFacts
from edge_deployer.report.words import front_end_in_words
from pipeline.local.checking.line import Line
from pipeline.local.checking.network import NetworkProcess
from pipeline.project.beam_options import beam_args, require_job_server
from pipeline.project.config import PipelineConfig, load_config
from pipeline.project.data_source import data_file
from pipeline.project.preflight import Project, project_of, require_boards, require_enough, require_key
from pipeline.project.workspace import Workspace

_RECORDS_TRIED: Final = 64


def check_project(config_file: Path, workspace: Workspace) -> Iterator[Line]:
    """Look at everything that can be known before the training; what fails ends only what depends on it.

    Args:
        config_file: a `tinyops.yaml`.
        workspace: where data that comes with the software is put.

    Raises:
        TinyopsError: the project file itself is wrong, so that nothing else can be known.
    """
    config = load_config(config_file)
    with NetworkProcess() as network:
        yield from _Checks(config_file, config, workspace, network).lines()


class _Checks:
    """The lines in their order, and what is kept of one for the others."""

    def __init__(
        self, config_file: Path, config: PipelineConfig, workspace: Workspace, network: NetworkProcess
    ) -> None:
        self._config_file = config_file
        self._config = config
        self._workspace = workspace
        self._network = network
        self._profile: BoardProfile | None = None
        self._inventory: Inventory | None = None
        self._project: Project | None = None
        self._trial: Trial | None = None

    def lines(self) -> Iterator[Line]:
        for name, check in (
            ("release", self._release),
            ("board profile", self._board_profile),
            ("boards", self._boards),
            ("module", self._module),
            ("data", self._data),
        ):
            yield from _until_an_error(name, check())
        yield from self._untrained()

    def _release(self) -> Iterator[Line]:
        config = self._config
        check_version(config.deploy.release_version)
        require_key(config)
        beam_args(config.beam)
        require_job_server(config.beam)
        given = environment_key()
        key = config.deploy.signing_key or (f"the key in {given.name}" if given else "a key made for the workspace")
        yield Line.passed("release", f"{config.name} {config.deploy.release_version}, signed with {key}")

    def _board_profile(self) -> Iterator[Line]:
        self._profile = profile = self._config.load_profile()
        told = f"slot of {formats.byte_count(profile.slot_bytes)}, arena of {formats.byte_count(profile.arena_bytes)}"
        yield Line.passed("board profile", f"{profile.name}: {told}")

    def _boards(self) -> Iterator[Line]:
        self._inventory = inventory = require_boards(self._config)
        pools = " and ".join(f"{len(inventory.pool(pool))} {pool}" for pool in ("staging", "production"))
        wanted = self._config.acceptance.quorum_of(inventory.wanted_staging)
        yield Line.passed("boards", f"{pools}; {wanted} must accept")

    def _module(self) -> Iterator[Line]:
        self._project = project = project_of(self._config_file, self._config)
        files = ", ".join(file.name for file in project.module.sources)
        schema = "" if project.schema is None else f"; schema {project.schema_file.name}"
        yield Line.passed("module", f"{files}{schema}")

    def _data(self) -> Iterator[Line]:
        section = self._config.data
        place = str(data_file(section, self._workspace.data))
        data = divide(section, place)
        yield Line.passed("data", f"{formats.grouped(len(data.listing))} records in {Path(place).name}: {_sizes(data)}")
        yield from _classes(data, section.classes or [])
        yield _groups(data, section.group)
        yield from _until_an_error("records", self._records(data))
        yield from _until_an_error("samples", self._samples(data))
        yield from _until_an_error("features", self._features(data, place))

    def _records(self, data: DividedData) -> Iterator[Line]:
        """What the list shows of them."""
        section = self._config.data
        read = ReadRecords.unread(data.listing)
        summary = summarise(data.listing, data.splits, read, shape=(), classes=len(section.classes or ()))
        require_sound(summary, section)
        facts = data_facts(summary, source="", class_names=section.classes or (), group=section.group)
        for warning in data_warnings(facts if data.listing.one_sample_each else _of_records(facts)):
            yield Line(name="records", state="warns", told=warning)

    def _samples(self, data: DividedData) -> Iterator[Line]:
        """Whether they suffice for a verdict."""
        require_enough(self._config, data)
        if data.listing.one_sample_each:
            told = f"{formats.grouped(len(data.splits['eval']))} held-out samples suffice for the acceptance plan"
            yield Line.passed("samples", told)
        else:
            told = "how many windows the records have is known when they are read; then it shows whether they suffice"
            yield Line(name="samples", state="skipped", told=told)

    def _features(self, data: DividedData, place: str) -> Iterator[Line]:
        reader = RecordReader(self._config.data, place)
        facts = front_end_facts(reader.front_end)
        described = "; ".join(f"{name} {value}" for name, value in reader.source.describe(data.listing).items())
        if described:
            yield Line.passed("recordings", described)
        told = f"{_shape(reader.source.shape)} values make {_shape(reader.shape)} features"
        where = front_end_in_words(facts) if facts.name != "none" else "the samples themselves"
        yield Line.passed("features", f"{told}, {where}")
        trial = try_records(reader, data.listing, _RECORDS_TRIED)
        yield from _tried(trial)
        self._trial = trial if trial.samples else None

    def _untrained(self) -> Iterator[Line]:
        if self._project is None or self._profile is None or self._trial is None:
            yield Line(name="network", state="skipped", told="not looked at: it needs what failed above")
            return
        staging = self._inventory.pool("staging") if self._inventory else ()
        yield from self._network.lines(
            self._config_file,
            self._workspace,
            self._trial,
            virtual=any(board.virtual for board in staging),
        )


def _until_an_error(name: str, lines: Iterator[Line]) -> Iterator[Line]:
    try:
        yield from lines
    except TinyopsError as error:
        yield Line.failed(name, error)


def _sizes(data: DividedData) -> str:
    return ", ".join(f"{split} {formats.grouped(len(places))}" for split, places in data.splits.items())


def _classes(data: DividedData, names: list[str]) -> Iterator[Line]:
    """How many records of each class are held out: what figures by class rest on."""
    if data.listing.labels is None:
        return
    held_out = data.listing.labels[data.splits["eval"]]
    counts = [int((held_out == index).sum()) for index in range(len(names))]
    fewest, most = min(range(len(names)), key=counts.__getitem__), max(range(len(names)), key=counts.__getitem__)
    span = f"{counts[fewest]} ({names[fewest]}) to {counts[most]} ({names[most]})"
    held_out_of_each = span if counts[fewest] < counts[most] else str(counts[most])
    yield Line.passed("classes", f"{len(names)}; held out are {held_out_of_each} records of each")


def _groups(data: DividedData, group: str | None) -> Line:
    if data.listing.groups is None:
        return Line.passed("groups", "none named: records of one person or device may stand in both splits")
    numbers = {split: len(set(data.listing.groups[places].tolist())) for split, places in data.splits.items()}
    told = ", ".join(f"{split} {count}" for split, count in numbers.items())
    return Line.passed("groups", f"by {group}: {told}; none stands in both")


def _of_records(facts: DataFacts) -> DataFacts:
    """Without what counts samples, which windows are before they are read."""
    return facts.model_copy(update={"class_counts": {}, "repeated": 0, "conflicting": 0, "shared": 0})


def _tried(trial: Trial) -> Iterator[Line]:
    tried = f"{len(trial.listing)} records were tried"
    for sentence in data_warnings(_wrong(trial)):
        yield Line(name="reading", state="warns", told=f"{tried}: {sentence}")
    if not trial.samples:
        remedy = "mend the records, or correct in `data` how they are read"
        raise TinyopsError(f"{tried}, and no sample can be made of any", remedy=remedy)
    if not trial.found:
        yield Line.passed("reading", f"{tried}, and nothing is wrong with them")


def _wrong(trial: Trial) -> DataFacts:
    """What is wrong with the records that were tried, and nothing else."""
    records: dict[Anomaly, dict[str, str]] = {}
    for one in trial.found:
        records.setdefault(one.anomaly, {})[one.record] = one.detail
    anomalies = {
        anomaly.value: AnomalyFacts(count=len(named), left_out=anomaly.left_out, records=named)
        for anomaly, named in records.items()
    }
    return DataFacts(source="", fingerprint="", splits={}, class_names=[], anomalies=anomalies)


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "1"
