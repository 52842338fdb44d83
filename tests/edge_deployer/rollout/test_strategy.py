"""A strategy as data: what a file may say, and which boards are in which wave."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.errors import TinyopsError
from edge_deployer.rollout.strategy import DEFAULT, Bake, Strategy, WaveTerms, load_strategy
from tests.edge_deployer.rollout.strategies import shares, wave_terms


def boards(count: int) -> list[str]:
    return [f"p{number}" for number in range(1, count + 1)]


def write(folder: Path, text: str) -> Path:
    path = folder / "strategy.yaml"
    path.write_text(text)
    return path


def test_without_a_file_a_canary_goes_first_then_the_rest_and_one_failure_takes_all_back(tmp_path: Path) -> None:
    assert load_strategy(None) == load_strategy(write(tmp_path, "")) == DEFAULT == Strategy()
    assert DEFAULT.divide(boards(4)) == (("p1",), ("p2", "p3", "p4"))
    assert DEFAULT.divide(boards(1)) == (("p1",),)
    assert (DEFAULT.tolerated(1000), DEFAULT.min_success) == (0, None)
    assert (DEFAULT.waits_for_approval, DEFAULT.bears_absence) == (False, False)


def test_a_file_may_say_all_of_it(tmp_path: Path) -> None:
    text = """
waves: [{boards: 2}, {boards: 25%, approval: true}, {}]
concurrency: 8
max_failures: 2.5%
min_success: 0.95
latency_over_canary: 1.2
latency_over_production: 1.1
bake: {seconds: 600, probe_every_s: 30}
retries: 0
backoff_s: 0.5
when_interrupted: take back
"""
    strategy = load_strategy(write(tmp_path, text))
    assert strategy == Strategy(
        waves=(WaveTerms(boards=2), WaveTerms(boards="25%", approval=True), WaveTerms()),
        concurrency=8,
        max_failures="2.5%",
        min_success=0.95,
        latency_over_canary=1.2,
        latency_over_production=1.1,
        bake=Bake(seconds=600, probe_every_s=30),
        retries=0,
        backoff_s=0.5,
        when_interrupted="take back",
    )
    assert [len(wave) for wave in strategy.divide(boards(9))] == [2, 3, 4]
    assert (strategy.tolerated(79), strategy.tolerated(80)) == (1, 2)
    assert (strategy.waits_for_approval, strategy.bears_absence) == (True, True)
    assert Strategy.model_validate(strategy.model_dump(mode="json")) == strategy


_SHARE = 'a number of boards is wanted, or a share of the pool such as "25%"'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("waves: []", r"waves = \[\]: "),
        ("waves: [{boards: 0}]", f"waves.0.boards = 0: .*{_SHARE}"),
        ("waves: [{boards: -1}]", f"waves.0.boards = -1: .*{_SHARE}"),
        ("waves: [{boards: true}]", f"waves.0.boards = True: .*{_SHARE}"),
        ("waves: [{boards: 0.25}]", rf"waves.0.boards = 0\.25: .*{_SHARE}"),
        ("waves: [{boards: 0%}]", f"waves.0.boards = '0%': .*{_SHARE}"),
        ("waves: [{boards: 101%}]", f"waves.0.boards = '101%': .*{_SHARE}"),
        ("waves: [{}, {boards: half}]", f"waves.1.boards = 'half': .*{_SHARE}"),
        ("waves: [{boards: '25'}]", f"waves.0.boards = '25': .*{_SHARE}"),
        ("waves: [{boards: nan%}]", f"waves.0.boards = 'nan%': .*{_SHARE}"),
        ("waves: [{boards: inf%}]", f"waves.0.boards = 'inf%': .*{_SHARE}"),
        ("waves: [{board: 1}]", "waves.0.board: unknown key"),
        ("max_failures: -1", "max_failures = -1: "),
        ("max_failures: true", "max_failures = True: "),
        ("max_failures: some", "max_failures = 'some': .*such as \"5%\""),
        ("max_failures: -5%", "max_failures = '-5%': "),
        ("min_success: 1.5", r"min_success = 1\.5: "),
        ("concurrency: 0", "concurrency = 0: "),
        ("retries: 21", "retries = 21: "),
        ("backoff_s: 0", "backoff_s = 0: "),
        ("latency_over_canary: 0", "latency_over_canary = 0: "),
        ("bake: {probe_every_s: 1}", "bake.seconds: missing"),
        ("when_interrupted: ask", "when_interrupted = 'ask': Input should be 'finish' or 'take back'"),
        ("canary: 1", "canary: unknown key"),
        ("[]", r"\(whole file\) = \[\]: "),
        ("false", r"\(whole file\) = False: "),
        ("just words", r"\(whole file\) = 'just words': "),
    ],
)
def test_what_is_wrong_is_said_with_file_field_and_value(tmp_path: Path, text: str, said: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(TinyopsError, match=f"strategy {path}: .*{said}") as raised:
        load_strategy(path)
    assert raised.value.remedy == "correct the fields named above"


def test_a_file_that_is_missing_or_no_yaml_is_named(tmp_path: Path) -> None:
    with pytest.raises(TinyopsError, match=f"strategy {tmp_path / 'none.yaml'} cannot be read: No such file"):
        load_strategy(tmp_path / "none.yaml")
    with pytest.raises(TinyopsError, match="is not YAML"):
        load_strategy(write(tmp_path, "waves: ["))


def test_waves_that_do_not_cover_the_pool_are_refused_with_who_would_be_forgotten() -> None:
    strategy = Strategy(waves=(WaveTerms(boards=1), WaveTerms(boards="20%")))
    with pytest.raises(
        TinyopsError, match=r"waves take 3 of 10 production boards: p4, p5, p6 and others would"
    ) as raised:
        strategy.divide(boards(10))
    assert raised.value.remedy == "let the last wave have no `boards`, which takes all that are left"
    with pytest.raises(TinyopsError, match=r"waves take 2 of 3 production boards: p3 would be forgotten"):
        strategy.divide(boards(3))
    assert strategy.divide(boards(2)) == (("p1",), ("p2",))


def test_a_wave_that_takes_all_that_are_left_is_the_last() -> None:
    with pytest.raises(ValueError, match="it must be the last one"):
        Strategy(waves=(WaveTerms(), WaveTerms(approval=True)))


@given(st.lists(wave_terms, min_size=1, max_size=6), st.integers(0, 300))
def test_each_board_is_in_one_wave_in_order_or_the_strategy_is_refused(waves: list[WaveTerms], pool: int) -> None:
    strategy, names = Strategy(waves=tuple(waves)), boards(pool)
    wanted = [wave.count(pool) for wave in waves]
    try:
        divided = strategy.divide(names)
    except TinyopsError:
        assert sum(wanted) < pool
        return
    assert [name for wave in divided for name in wave] == names
    assert all(divided)
    # None but the last waves may get less than they want, so that a wave keeps the number that its terms have.
    for wave, count in zip(divided[:-1], wanted, strict=False):
        assert len(wave) == count


@given(shares(), st.integers(1, 10_000) | st.integers(1, 10).map(lambda thousands: 1000 * thousands))
def test_a_share_is_counted_as_it_is_written_up_for_waves_and_down_for_failures(share: Fraction, pool: int) -> None:
    text = f"{float(share * 100):g}%"
    assert WaveTerms(boards=text).count(pool) == max(1, ceil(share * pool))
    assert Strategy(max_failures=text).tolerated(pool) == floor(share * pool)
