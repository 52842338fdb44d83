"""What a board's serial line carries: uploads and inferences, alone and many at once, clean and damaged."""

from __future__ import annotations

import asyncio
import logging
import random
import re
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml
from smpclient import SMPClient
from smpclient.exceptions import SMPClientException
from smpclient.transport.serial import SMPSerialTransport

from benchmarks.rows import Row
from benchmarks.virtual_bench import VirtualBench, virtual_bench
from edge_deployer.profile import load_profile
from edge_deployer.session.claim import Claim
from edge_deployer.session.line import SmpLine
from edge_deployer.session.upload import upload
from edge_deployer.virtual_board.control import BoardControl
from edge_deployer.virtual_board.faults import FaultPlan, LineNoise
from edge_deployer.wire.framing import FramingName
from tests.edge_deployer.sessions import session_with, transport_to

_RATE = 115200
_FAST_RATE = 921600
_SLOW_FLASH = 20_000
_MANY = 32
_INFERENCES = 100
_KEYWORD_MODEL = Path("../shared/models/mlcommons_tiny/kws_ref_model.tflite")
_COMMAND = "make bench"
_STOCK_PATIENCE_S = 60.0


def _payload(length: int) -> bytes:
    """Bytes that no compression makes shorter."""
    return random.Random(length).randbytes(length)


def _profile_with_buffer(folder: Path, buffer_bytes: int) -> Path:
    """The Cortex-M4 profile with another SMP buffer."""
    profile = load_profile("cortex-m4").model_copy(update={"smp_buffer_bytes": buffer_bytes})
    path = folder / f"buffer-{buffer_bytes}.yaml"
    path.write_text(yaml.safe_dump(profile.model_dump()))
    return path


async def _upload_seconds(url: str, image: bytes, *, rate: int = _RATE, framing: FramingName = "console") -> float:
    """From the first chunk to the answer to the last."""
    line = SmpLine(transport_to(url, line_rate=rate, framing=framing), request_timeout_s=2.0)
    await line.open()
    try:
        began = time.perf_counter()
        await upload(line, image, lambda _done, _total: None, Claim(line, None))
        return time.perf_counter() - began
    finally:
        await line.close()


def _share(length: int, seconds: float, rate: int = _RATE) -> float:
    """Payload against the bytes that the line could carry, 10 bits each."""
    return length / seconds / (rate / 10)


def _measure_upload(folder: Path, framing: FramingName, buffer_bytes: int, goal: str) -> Row:
    profile = _profile_with_buffer(folder, buffer_bytes)
    with virtual_bench(folder / f"{framing}-{buffer_bytes}", profile=profile, framing=framing) as bench:
        image = bench.sign(_payload(120_000)).data
        seconds = asyncio.run(_upload_seconds(bench.urls[0], image, framing=framing))
    what = f"upload, {framing} framing, {buffer_bytes:,}-byte buffer"
    return Row(what, f"{_share(len(image), seconds):.1%} of 11,520 B/s", goal, _COMMAND)


def _measure_slow_flash(folder: Path) -> Row:
    profile = _profile_with_buffer(folder, 4096)
    slow = FaultPlan(slow_flash=_SLOW_FLASH)
    with virtual_bench(folder / "slow", profile=profile, line_rate=_FAST_RATE, faults=slow) as bench:
        image = bench.sign(_payload(240_000)).data
        seconds = asyncio.run(_upload_seconds(bench.urls[0], image, rate=_FAST_RATE))
    figure = f"{len(image) / seconds / _SLOW_FLASH:.1%} of the flash's 20,000 B/s"
    return Row("upload at 921,600 baud, slow flash", figure, "at least 95 %", _COMMAND)


# Its reports of every attempt that fails; the table says how it ended.
logging.getLogger("smpclient").setLevel(logging.CRITICAL)


async def _stock_upload(url: str, image: bytes) -> float | str:
    """Upload by smpclient itself: seconds, or what ended it."""
    began = time.perf_counter()
    try:
        async with SMPClient(SMPSerialTransport(), url) as client:
            async for _ in client.upload(image):
                if time.perf_counter() - began > _STOCK_PATIENCE_S:
                    return f"given up after {_STOCK_PATIENCE_S:.0f} s"
    except (SMPClientException, TimeoutError, ValueError, OSError) as error:
        return f"{type(error).__name__} after {time.perf_counter() - began:.0f} s"
    return time.perf_counter() - began


def _measure_noise(folder: Path) -> list[Row]:
    """Against smpclient's own upload on the same line, and against a clean line."""
    rows, clean_s = [], 0.0
    for flips, goal in ((0.0, "never slower"), (1e-5, "finishes"), (1e-4, "finishes")):
        noise = LineNoise(bit_flips=flips)
        plan = FaultPlan(seed=1, to_board=noise, to_client=noise)
        with virtual_bench(folder / f"noise-{flips}", count=2, faults=plan) as bench:
            image = bench.sign(_payload(60_000)).data
            seconds = asyncio.run(_upload_seconds(bench.urls[0], image))
            stock = asyncio.run(_stock_upload(bench.urls[1], image))
        clean_s = clean_s or seconds
        ratio = (
            f"{stock / seconds:.2f} times as fast as smpclient" if isinstance(stock, float) else f"smpclient: {stock}"
        )
        slowdown = f"{seconds / clean_s:.2f} times a clean line's time; " if flips else ""
        where = f"{flips:g} flips a bit" if flips else "a clean line"
        rows.append(Row(f"upload over {where}", slowdown + ratio, goal, _COMMAND))
    return rows


def _bytes_to(control: BoardControl) -> int:
    count: int = control.counters()["bytes_to_board"]
    return count


async def _reset_half_way(board: Path, image: bytes) -> int:
    """Bytes to a board that is reset when half of the image has arrived."""
    with BoardControl(board) as control:
        half = asyncio.Event()
        async with session_with(str(board / "line"), line_rate=_RATE) as session:
            began = _bytes_to(control)
            install = asyncio.create_task(
                session.install(image, lambda done, total: half.set() if done > total / 2 else None)
            )
            await half.wait()
            await asyncio.to_thread(control.reset)
            await install
        return _bytes_to(control) - began


async def _bytes_of_install(board: Path, image: bytes) -> int:
    with BoardControl(board) as control:
        async with session_with(str(board / "line"), line_rate=_RATE) as session:
            began = _bytes_to(control)
            await session.install(image)
        return _bytes_to(control) - began


def _measure_reset(folder: Path) -> Row:
    """Of an image as large as that of person_detect, which does not compress."""
    with virtual_bench(folder / "reset", count=2) as bench:
        image = bench.sign(_payload(300_000)).data
        whole = asyncio.run(_bytes_of_install(bench.directories[0], image))
        interrupted = asyncio.run(_reset_half_way(bench.directories[1], image))
    figure = f"{interrupted / whole - 1:.1%} of its bytes go again"
    return Row("upload of 300 kB with a reset half way", figure, "at most 5 %", _COMMAND)


async def _install_seconds(url: str, image: bytes) -> float:
    async with session_with(url, line_rate=_RATE) as session:
        began = time.perf_counter()
        await session.install(image)
        return time.perf_counter() - began


def _measure_compressed(folder: Path) -> Row:
    model = _KEYWORD_MODEL.read_bytes()
    with virtual_bench(folder / "compressed") as bench:
        image = bench.sign(model).data
        seconds = asyncio.run(_install_seconds(bench.urls[0], image))
    figure = f"{_share(len(image), seconds):.1%} of 11,520 B/s"
    return Row("compressed upload of the keyword model, console framing", figure, "above 100 %", _COMMAND)


async def _infer_seconds(bench: VirtualBench, image: bytes) -> tuple[float, float]:
    """Seconds of the inferences, and seconds that their bytes take on the line."""
    async with session_with(bench.urls[0], line_rate=_RATE) as session:
        await session.install(image)
        (spare,) = await session.images()
        await session.test(spare.hash)
        await session.reset()
        info = await session.info()
        inputs = np.random.default_rng(0).integers(-128, 128, (_INFERENCES, *info.input.sample_shape), np.int8)
        await session.infer(inputs[:1])
        with BoardControl(bench.directories[0]) as control:
            before, began = control.counters(), time.perf_counter()
            await session.infer(inputs)
            seconds, after = time.perf_counter() - began, control.counters()
    moved = sum(after[way] - before[way] for way in ("bytes_to_board", "bytes_to_client"))
    return seconds, moved * 10 / _RATE


def _measure_infer(folder: Path) -> Row:
    with virtual_bench(folder / "infer") as bench:
        seconds, line_seconds = asyncio.run(_infer_seconds(bench, bench.sign(_KEYWORD_MODEL.read_bytes()).data))
    figure = f"{seconds / line_seconds:.1%} of the bytes' own line time"
    return Row(f"infer, {_INFERENCES} samples of the keyword model", figure, "at most 110 %", _COMMAND)


async def _uploads(urls: Sequence[str], image: bytes) -> list[float]:
    return await asyncio.gather(*(_upload_seconds(url, image) for url in urls))


def _pss_bytes(process: int) -> int:
    """Proportional set size of a process and its children."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
    (kilobytes,) = re.findall(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
    return int(kilobytes) * 1024 + sum(_pss_bytes(int(child)) for child in children)


def _measure_many(folder: Path) -> list[Row]:
    with virtual_bench(folder / "alone") as bench:
        image = bench.sign(_payload(60_000)).data
        (alone,) = asyncio.run(_uploads(bench.urls, image))
        memory_alone = _pss_bytes(bench.process)
    with virtual_bench(folder / "many", count=_MANY) as bench:
        memory = _pss_bytes(bench.process) / _MANY
        image = bench.sign(_payload(60_000)).data
        times = asyncio.run(_uploads(bench.urls, image))
    figure = f"the slowest takes {max(times) / alone:.2f} times as long as one alone"
    memory_figure = f"{memory / 1e6:.1f} MB each of {_MANY}, {memory_alone / 1e6:.1f} MB alone"
    return [
        Row(f"{_MANY} boards at 115,200 baud at once", figure, "at most 1.10", _COMMAND),
        Row("memory of an idle board (PSS)", memory_figure, "35 MB", _COMMAND),
    ]


def measure_serial_line(folder: Path) -> list[Row]:
    """All rows; those with MLPerf Tiny's keyword model only where that is at hand."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        _measure_upload(folder, "console", 4096, "at least 72 %"),
        _measure_upload(folder, "console", 1024, "at least 70 %"),
        _measure_upload(folder, "raw", 4096, "at least 95 %"),
        _measure_upload(folder, "raw", 1024, "at least 94 %"),
        _measure_slow_flash(folder),
        *_measure_noise(folder),
        *_measure_many(folder),
        _measure_reset(folder),
    ]
    if _KEYWORD_MODEL.exists():
        rows += [_measure_compressed(folder), _measure_infer(folder)]
    return rows
