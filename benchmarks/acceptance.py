"""What a verdict costs: samples by calculation, seconds on a serial line, both against the benches' fixed 1,000."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.rows import Row
from benchmarks.virtual_bench import VirtualBench, virtual_bench
from edge_deployer.acceptance.check import Case, Subject
from edge_deployer.acceptance.checks.labels import LabelsCheck
from edge_deployer.acceptance.examination import Examination
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.reference import Reference
from edge_deployer.acceptance.statistics.fixed_size import fixed_size_test
from edge_deployer.acceptance.verdict import judge_board
from edge_deployer.profile import load_profile
from edge_deployer.release.acceptance_set import AcceptanceSet
from edge_deployer.release.image import SignedImage
from edge_deployer.release.samples import random_inputs
from edge_deployer.session import DeviceSession
from edge_deployer.task import Task
from edge_deployer.tflm import TflmRunner
from tests.edge_deployer.acceptance.statistics.yardsticks import characteristic, hardly_capped, wald_bound
from tests.edge_deployer.sessions import session_with

_KEYWORD_MODEL = Path("../shared/models/mlcommons_tiny/kws_ref_model.tflite")
_ARENA_BYTES = 100_000
_FIXED = 1000
_DIFFERING = 10
_COMMAND = "make bench"


def measure_acceptance(folder: Path) -> list[Row]:
    """All rows; those with MLPerf Tiny's keyword model only where that is at hand."""
    rows = _count_samples()
    if _KEYWORD_MODEL.exists():
        rows += _measure_keyword(folder / "line", realtime=False)
        rows += _measure_keyword(folder / "realtime", realtime=True)
    return rows


def _count_samples() -> list[Row]:
    """Mean samples of the default plan's test, exactly."""
    plan, labels = AcceptancePlan(), LabelsCheck().shares(AcceptancePlan())
    terms = (labels.tolerated, labels.bad, plan.alpha, plan.beta)
    test, (fixed, _) = hardly_capped(*terms), fixed_size_test(*terms)
    rows = []
    for share, bound, goal in zip((labels.tolerated, labels.bad), wald_bound(*terms), (0.65, 0.40), strict=True):
        mean = characteristic(test, share).mean_samples
        figure = (
            f"{mean:.1f}, {mean / fixed:.3f} of the {fixed} of a fixed size, {mean / bound:.3f} times Wald's bound, "
            f"{_FIXED / mean:.1f} times fewer than {_FIXED:,}"
        )
        goal_text = f"at most {goal:.2f} of {fixed}, 1.10 times the bound"
        rows.append(Row(f"mean samples where {share:.0%} of answers differ", figure, goal_text, _COMMAND))
    return rows


def _measure_keyword(folder: Path, *, realtime: bool) -> list[Row]:
    """The keyword model, as it is and with every tenth answer another than the reference's."""
    model = _KEYWORD_MODEL.read_bytes()
    good = _acceptance_set(model)
    assert good.outputs is not None
    wrong = good.outputs.copy()
    wrong[_DIFFERING - 1 :: _DIFFERING] = np.roll(wrong[_DIFFERING - 1 :: _DIFFERING], 1, axis=1)
    with virtual_bench(folder, realtime=realtime) as bench:
        image = bench.sign(model)
        took = asyncio.run(_verdict_seconds(bench, image, [good, replace(good, outputs=wrong)]))
    (accepted, accepted_s), (refused, refused_s), fixed_s = took
    goal = "under 30 s where 1,000 take over 250" if realtime else "under 15 s where 1,000 take over 60"
    where = "115,200 baud, " + ("a Cortex-M4's time" if realtime else "no time for the model")
    return [
        Row(
            f"keyword model, {where}: {verdict}",
            f"{seconds:.1f} s; {_FIXED:,} samples and the same verdict: {fixed_s:.0f} s, {fixed_s / seconds:.1f} times",
            goal,
            _COMMAND,
        )
        for verdict, seconds in ((accepted, accepted_s), (refused, refused_s))
    ]


def _acceptance_set(model: bytes) -> AcceptanceSet:
    with TflmRunner(model, arena_bytes=_ARENA_BYTES) as runner:
        inputs = random_inputs(runner.input, _FIXED, seed=0)
        task = Task(name="classification")
        return AcceptanceSet(runner.input, runner.output, inputs, runner.run(inputs), task=task, random=True)


async def _verdict_seconds(
    bench: VirtualBench, image: SignedImage, sets: list[AcceptanceSet]
) -> tuple[tuple[str, float], tuple[str, float], float]:
    """Verdict and seconds on each acceptance set by the default plan; seconds of the fixed number of samples."""
    async with session_with(bench.urls[0]) as session:
        await session.install(image.data)
        await session.test(image.hash)
        await session.reset()
        first, second = [await _examine(session, image, acceptance) for acceptance in sets]
        began = time.perf_counter()
        outputs = (await session.infer(sets[0].inputs)).outputs
        fixed_s = time.perf_counter() - began
    shares = [
        (outputs.argmax(axis=1) != each.outputs.argmax(axis=1)).mean() for each in sets if each.outputs is not None
    ]
    assert (shares[0], first[0]) == (0, "accepted")
    assert shares[1] > LabelsCheck().shares(AcceptancePlan()).bad
    assert second[0] == "refused"
    return first, second, fixed_s


async def _examine(session: DeviceSession, image: SignedImage, acceptance: AcceptanceSet) -> tuple[str, float]:
    plan, profile = AcceptancePlan(), load_profile("cortex-m4")
    reference = Reference.of(acceptance, {}, most=plan.samples)
    examination = Examination(session, "board", profile, acceptance, reference, plan)
    began = time.perf_counter()
    evidence = await examination.run(image.hash.hex(), "staging")
    seconds = time.perf_counter() - began
    subject = Subject(image_hash=image.hash.hex(), image_bytes=len(image.data))
    return judge_board(Case(evidence, reference, plan, subject)).decision, seconds
