"""The inventory file: what is accepted, and what a mistake in it says."""

from __future__ import annotations

import os
import pty
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from edge_deployer.errors import TinyopsError
from edge_deployer.inventory.inventory import board_profile, load_inventory
from edge_deployer.release.keys import SigningKey

GOOD = """
boards:
  - {name: s1, pool: staging, virtual: true}
  - {name: p1, pool: production, url: "socket://127.0.0.1:5000"}
"""


def test_the_default_has_two_staging_and_three_production_boards() -> None:
    inventory = load_inventory(None)
    assert [len(inventory.pool(pool)) for pool in ("staging", "production")] == [2, 3]
    assert all(board.virtual for board in inventory.boards)


def test_a_spare_is_one_more_board_of_the_staging_pool(tmp_path: Path) -> None:
    path = tmp_path / "boards.yaml"
    path.write_text(GOOD + "  - {name: s2, pool: staging, virtual: true, spare: true}\n")
    assert [(board.name, board.spare) for board in load_inventory(path).pool("staging")] == [
        ("s1", False),
        ("s2", True),
    ]


def test_a_spare_is_a_pool_to_whoever_writes_the_file(tmp_path: Path) -> None:
    spares = []
    for fields in ("pool: spare", "pool: spare, spare: true", "pool: staging, spare: true"):
        path = tmp_path / "boards.yaml"
        path.write_text(GOOD + "  - {name: s2, virtual: true, " + fields + "}\n")
        spares.append(load_inventory(path).boards[-1])
    assert spares[0] == spares[1] == spares[2]
    assert (spares[0].pool, spares[0].spare) == ("staging", True)


def test_a_board_has_tags(tmp_path: Path) -> None:
    path = tmp_path / "boards.yaml"
    path.write_text(GOOD.replace("virtual: true", "virtual: true, tags: [floor-2, line-b]"))
    assert [board.tags for board in load_inventory(path).boards] == [("floor-2", "line-b"), ()]


def test_relative_paths_count_from_the_file(tmp_path: Path, signing_key: SigningKey) -> None:
    (tmp_path / "release.pem").write_bytes(signing_key.public_pem)
    (tmp_path / "tiny.yaml").write_text(
        "{name: tiny, description: d, arena_bytes: 1, slot_bytes: 8, page_bytes: 4, flash_bytes_per_second: 1, "
        "page_erase_ms: 1, line_rate: 1, smp_buffer_bytes: 256, macs_per_second: 1, bytes_per_second: 1}"
    )
    path = tmp_path / "boards.yaml"
    path.write_text("public_key: release.pem\n" + GOOD.replace("virtual: true", "virtual: true, profile: tiny.yaml"))
    inventory = load_inventory(path)
    assert inventory.public_key == (tmp_path / "release.pem",)
    assert inventory.boards[0].profile == str(tmp_path / "tiny.yaml")


def test_boards_trust_two_keys_at_most_each_once(
    tmp_path: Path, signing_key: SigningKey, other_key: SigningKey
) -> None:
    for name, pem in (("a", signing_key.public_pem), ("b", other_key.public_pem)):
        (tmp_path / f"{name}.pem").write_bytes(pem)
    (tmp_path / "both.pem").write_bytes(signing_key.public_pem + other_key.public_pem)
    path = tmp_path / "boards.yaml"

    def load(keys: str) -> tuple[Path, ...]:
        path.write_text(f"public_key: {keys}\n{GOOD}")
        return load_inventory(path).public_key

    assert load("[a.pem, b.pem]") == (tmp_path / "a.pem", tmp_path / "b.pem")
    assert load("both.pem") == (tmp_path / "both.pem",)
    assert load("null") == ()
    for keys, message in (
        ("[]", "name a key, or leave public_key out"),
        ("[a.pem, b.pem, a.pem]", "at most 2"),
        ("[a.pem, a.pem]", f"public_key has the keys {signing_key.id[:8]}, {signing_key.id[:8]}"),
        ("[both.pem, b.pem]", "public_key has the keys"),
        ("[a.pem, nowhere.pem]", "nowhere.pem does not exist"),
    ):
        with pytest.raises(TinyopsError, match=message):
            load(keys)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace("name: s1", "name: p1"), "board names stand twice: p1"),
        (GOOD.replace("pool: production", "pool: staging"), "no board is in the production pool"),
        (
            GOOD.replace("pool: staging", "pool: stage"),
            "boards.0.pool = 'stage': Value error, a pool is `staging`, `production` or `spare`",
        ),
        (GOOD.replace("pool: staging", "pool: [staging]"), "a pool is `staging`, `production` or `spare`"),
        (GOOD.replace("pool: staging", "pool: spare"), "no board is in the staging pool besides spares"),
        (GOOD.replace("pool: staging", "pool: spare, spare: false"), "leave `spare` out"),
        (GOOD.replace("virtual: true", "virtual: true, tags: [a, b, a]"), "tags stand twice: a"),
        (GOOD.replace("virtual: true", 'virtual: true, tags: ["second floor"]'), "boards.0.tags.0 = 'second floor'"),
        (GOOD.replace("virtual: true", "virtual: true, tags: floor-2"), "boards.0.tags = 'floor-2'"),
        (GOOD.replace("virtual: true", "virtul: true"), "virtul: unknown key"),
        (GOOD.replace(", virtual: true", ""), "either a url or `virtual: true`"),
        (
            GOOD.replace("virtual: true", 'url: "socket://127.0.0.1:5000"'),
            "s1 and p1 are the same port, socket://127.0.0.1:5000",
        ),
        (GOOD.replace("virtual: true", "virtual: true, profile: cortex-m99"), "no board profile named 'cortex-m99'"),
        (GOOD.replace("name: s1", "name: ../s1"), "'../s1'"),
        ("boards: [", "is not YAML"),
        ("boards: 2025-13-01", "is not YAML"),
        ("public_key: nowhere.pem\n" + GOOD, "nowhere.pem does not exist"),
        ("public_key: boards.yaml\n" + GOOD, "boards.yaml cannot be read"),
        (GOOD.replace("virtual: true", "virtual: true, profile: nowhere.yaml"), "nowhere.yaml cannot be read"),
        (GOOD.replace("virtual: true", "virtual: true, faults: nowhere.yaml"), "nowhere.yaml cannot be read"),
        (GOOD.replace('5000"', '5000", spare: true'), "`spare` is for staging boards"),
        (GOOD.replace("virtual: true", "virtual: true, spare: true"), "no board is in the staging pool besides spares"),
        (GOOD.replace('5000"', '5000", framing: morse'), "boards.1.framing = 'morse'"),
        (GOOD.replace('socket://127.0.0.1:5000"', 'udp://127.0.0.1", framing: raw'), "`framing` is for serial lines"),
        (GOOD.replace('5000"', '5000", realtime: true'), "`realtime` and `faults` are for virtual boards"),
        ("", "inventory"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "boards.yaml"
    path.write_text(text)
    with pytest.raises(TinyopsError) as raised:
        load_inventory(path)
    assert message in raised.value.message


def test_a_boards_own_framing_counts_before_its_profiles(tmp_path: Path) -> None:
    path = tmp_path / "boards.yaml"
    path.write_text(GOOD.replace('5000"', '5000", framing: raw'))
    assert [board_profile(board).framing for board in load_inventory(path).boards] == ["console", "raw"]


def test_a_profile_that_is_not_yaml_is_named(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text("name: [")
    path = tmp_path / "boards.yaml"
    path.write_text(GOOD.replace("virtual: true", "virtual: true, profile: tiny.yaml"))
    with pytest.raises(TinyopsError, match=r"tiny\.yaml is not YAML"):
        load_inventory(path)


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "boards.yaml"
    path.write_bytes(GOOD.replace("s1", "schön").encode("latin-1"))
    with pytest.raises(TinyopsError, match=r"boards\.yaml is not YAML"):
        load_inventory(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TinyopsError, match=r"nowhere\.yaml cannot be read"):
        load_inventory(tmp_path / "nowhere.yaml")


def two_boards(one: str, another: str) -> str:
    boards = [
        {"name": "s1", "pool": "staging", "url": one},
        {"name": "p1", "pool": "production", "url": another},
    ]
    return yaml.safe_dump({"boards": boards})


@pytest.fixture
def bench_ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two ptys: one as ttyX and under by-id, the other as ttyY."""
    ends = pty.openpty() + pty.openpty()
    (tmp_path / "by-id").mkdir()
    for name, end in (("ttyX", ends[1]), ("ttyY", ends[3])):
        (tmp_path / name).symlink_to(os.ttyname(end))
    (tmp_path / "by-id" / "probe").symlink_to("../ttyX")
    monkeypatch.chdir(tmp_path)
    yield
    for end in ends:
        os.close(end)


@pytest.mark.usefixtures("bench_ports")
@pytest.mark.parametrize(
    ("one", "another"),
    [
        ("ttyX", "by-id/probe"),
        ("ttyX", "./by-id/../ttyX"),
        ("absent", "./absent"),
        ("socket://127.0.0.1:5000", "socket://localhost:5000"),
        ("socket://127.0.0.1:5000", "rfc2217://LOCALHOST.:5000"),
        ("socket://127.1:5000", "socket://[::1]:5000"),
        ("socket://[::ffff:127.0.0.1]:5000", "socket://127.0.0.1:5000?logging=debug"),
        ("rfc2217://Gateway:4001?ign_set_control", "rfc2217://gateway:4001"),
        ("socket://192.168.0.5:4001", "socket://192.168.5:4001"),
        ("udp://board-1", "UDP://Board-1:1337"),
    ],
)
def test_two_names_of_one_port_are_told_with_both_boards(tmp_path: Path, one: str, another: str) -> None:
    path = tmp_path / "boards.yaml"
    path.write_text(two_boards(one, another))
    with pytest.raises(TinyopsError) as raised:
        load_inventory(path)
    assert f"s1 and p1 are the same port, {one} and {another}" in raised.value.message


@pytest.mark.usefixtures("bench_ports")
@pytest.mark.parametrize(
    ("one", "another"),
    [
        ("ttyX", "ttyY"),
        ("socket://127.0.0.1:5000", "socket://127.0.0.1:5001"),
        ("socket://127.0.0.1:5000", "socket://127.0.0.2:5000"),
        ("socket://gateway-1:5000", "socket://gateway-2:5000"),
        ("socket://gateway:1337", "udp://gateway"),
        ("udp://gateway:1337", "udp://gateway:1338"),
        ("absent", "absent2"),
    ],
)
def test_two_ports_are_two_boards(tmp_path: Path, one: str, another: str) -> None:
    path = tmp_path / "boards.yaml"
    path.write_text(two_boards(one, another))
    assert [board.url for board in load_inventory(path).boards] == [one, another]


@pytest.mark.parametrize(
    "url",
    [
        *("spy:///dev/ttyACM0?file=log", "loop://", "alt:///dev/ttyACM0", "hwgrep://x", "http://host:1"),
        *("socket://host", "socket://:5000", "socket://host:0", "socket://host:70000", "socket://host:x", ""),
        *("/dev/tty\nACM0", "socket://ho\0st:1"),
        *("udp://", "udp://:1337", "udp://board:0", "udp://board:x"),
    ],
)
def test_a_url_that_leads_to_no_board_is_refused(tmp_path: Path, url: str) -> None:
    path = tmp_path / "boards.yaml"
    path.write_text(two_boards(url, "/dev/ttyACM1"))
    with pytest.raises(TinyopsError, match=r"boards\.0\.url = "):
        load_inventory(path)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (
            "tcp://board:1337",
            "tcp:// leads to no board; a device path, rfc2217://host:port, socket://host:port or "
            "udp://host[:port] does",
        ),
        ("socket://board", "socket://host:port is wanted"),
        ("udp://:1337", "udp://host[:port] is wanted"),
    ],
)
def test_a_wrong_url_says_what_a_right_one_looks_like(tmp_path: Path, url: str, words: str) -> None:
    path = tmp_path / "boards.yaml"
    path.write_text(two_boards(url, "/dev/ttyACM1"))
    with pytest.raises(TinyopsError) as raised:
        load_inventory(path)
    assert words in raised.value.message


@pytest.mark.parametrize("name", ["lock", "quarantine.sqlite", "quarantine.sqlite-wal", "x" * 65, "x" * 300, "s1\n"])
def test_a_name_that_cannot_be_a_folder_of_the_board_s_own_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "boards.yaml"
    inventory = yaml.safe_load(GOOD)
    inventory["boards"][0]["name"] = name
    path.write_text(yaml.safe_dump(inventory))
    with pytest.raises(TinyopsError, match=r"boards\.0\.name = ") as raised:
        load_inventory(path)
    assert len(raised.value.message) < 600
