from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from edge_deployer.errors import TinyopsError
from edge_deployer.field_errors import describe_validation_error
from edge_deployer.files import (
    create_file,
    make_folder,
    read_file,
    read_json,
    read_record,
    read_text,
    read_yaml,
    require_plain_path,
    write_file,
)
from tests.edge_deployer.malformed_files import BOMB


def test_a_file_is_written_whole_and_alone(tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    for contents in (b"first", b"second"):
        write_file(path, contents)
        assert path.read_bytes() == contents
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", [".", "/", "folder"])
def test_a_folder_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    with pytest.raises(TinyopsError, match="cannot be written: it is a folder"):
        write_file(Path(name), b"contents")
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]


@pytest.mark.parametrize("name", ["absent/file", "x" * 300, "/proc/file"])
def test_a_file_that_cannot_be_written_is_an_error_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TinyopsError, match="cannot be written"):
        write_file(Path(name), b"contents")
    assert not list(tmp_path.iterdir())


def test_git_takes_nothing_of_what_commands_keep(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    make_folder(tmp_path / ".tinyops" / "reports" / "1")
    (tmp_path / ".tinyops" / "reports" / "1" / "report.json").touch()
    shown = subprocess.run(["git", "status", "--porcelain"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert shown.stdout == ""
    (tmp_path / ".tinyops" / ".gitignore").write_text("reports/\n")
    make_folder(tmp_path / ".tinyops" / "keys")
    assert (tmp_path / ".tinyops" / ".gitignore").read_text() == "reports/\n", "it is the user's now"


def test_another_folder_is_not_kept_from_git(tmp_path: Path) -> None:
    make_folder(tmp_path / "tinyops" / "reports")
    assert not list(tmp_path.rglob(".gitignore"))


def test_a_device_is_written_to_and_stays_one() -> None:
    with pytest.raises(TinyopsError, match="/dev/full cannot be written: No space left on device") as raised:
        write_file(Path("/dev/full"), b"contents")
    assert "free space" in raised.value.remedy
    write_file(Path("/dev/null"), b"contents")
    assert Path("/dev/full").is_char_device()
    assert Path("/dev/null").is_char_device()


def test_a_link_is_followed_and_permissions_are_kept(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"before")
    target.chmod(0o640)
    link.symlink_to(target)
    write_file(link, b"after")
    assert link.is_symlink()
    assert target.read_bytes() == b"after"
    assert target.stat().st_mode & 0o777 == 0o640


def test_what_is_made_once_takes_nothing_s_place(tmp_path: Path) -> None:
    path = tmp_path / "key"
    assert create_file(path, b"first", mode=0o600)
    assert not create_file(path, b"second", mode=0o600)
    assert path.read_bytes() == b"first"
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    assert not create_file(path, b"third", mode=0o600)
    assert sorted(tmp_path.iterdir()) == [path]


READERS: list[Callable[[Path, str], object]] = [read_file, read_text, read_json, read_yaml]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("name", ["absent", ".", "x" * 300, "absent/file", "zero\0byte", "circle"])
def test_what_cannot_be_read_is_named_by_every_reader(
    tmp_path: Path, read: Callable[[Path, str], object], name: str
) -> None:
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with pytest.raises(TinyopsError, match="the plan cannot be read: "):
        read(tmp_path / name, "the plan")


def test_an_endless_file_is_not_read_to_its_end() -> None:
    with pytest.raises(TinyopsError, match="zeroes cannot be read: it has more than 1,000 bytes"):
        read_file(Path("/dev/zero"), "zeroes", most=1000)


@pytest.mark.parametrize("read", [read_text, read_json, read_yaml])
@pytest.mark.parametrize("contents", [b"\xff\xff", b"[" * 100_000, b"\x93NUMPY"])
def test_what_is_no_text_or_no_document_is_named(
    tmp_path: Path, read: Callable[[Path, str], object], contents: bytes
) -> None:
    path = tmp_path / "file"
    path.write_bytes(contents)
    if read is read_text and contents.isascii():
        assert read(path, "the file") == contents.decode()
        return
    with pytest.raises(TinyopsError, match=r"the file is not (UTF-8|JSON|YAML)"):
        read(path, "the file")


MERGED = "\n".join(["a0: &a0 {x: 1}", *(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, 40))])
CIRCLES = ["&a [*a]", "&a {b: *a}"]
DEEP = ["[" * 900 + "]" * 900, "{a: " * 900 + "}" * 900, "- " * 900]
NO_NUMBERS = ["a: 0x" + "f" * 5000, "a: .inf", "a: -.INF", "a: .nan", "a: 1.0e+999", "a: " + "9" * 5000]
NOT_OURS = ["? [a]\n: 1", "a: 1\n---\nb: 2"]


@pytest.mark.parametrize("text", [BOMB, MERGED, *CIRCLES, *DEEP, *NO_NUMBERS, *NOT_OURS])
def test_yaml_that_is_deep_or_large_or_has_no_numbers_is_refused_at_once(tmp_path: Path, text: str) -> None:
    path = tmp_path / "file.yaml"
    path.write_text(text)
    with pytest.raises(TinyopsError, match="the file is not YAML") as raised:
        read_yaml(path, "the file")
    assert len(str(raised.value)) < 1000


def test_ordinary_aliases_are_what_they_stand_for(tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    path.write_text("common: &c {pool: staging}\nboards:\n- {<<: *c, name: s1}\n- *c\n")
    boards = read_yaml(path, "the file")["boards"]
    assert boards == [{"pool": "staging", "name": "s1"}, {"pool": "staging"}]


class Record(BaseModel):
    number: int


@pytest.mark.parametrize("contents", [b"", b"{", b"[]", b"{}", b'{"number": "x"}', b"\xff", b"[" * 100_000])
def test_a_damaged_record_is_named_with_its_remedy(tmp_path: Path, contents: bytes) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(contents)
    with pytest.raises(TinyopsError, match="the record is damaged, or of another version: ") as raised:
        read_record(Record, path, "the record", remedy="make it again")
    assert raised.value.remedy == "make it again"


@pytest.mark.parametrize("value", ["x" * 10**6, ["y" * 1000] * 1000, {"key" * 1000: [[[[["deep"]]]]]}, -(2.0**1000)])
def test_what_a_wrong_file_says_is_echoed_in_short(value: object) -> None:
    with pytest.raises(ValidationError) as raised:
        Record.model_validate({"number": value})
    assert len(describe_validation_error(raised.value, "file").message) < 1000


def test_of_many_mistakes_the_first_are_shown() -> None:
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(list[int]).validate_python(["x"] * 1000)
    message = describe_validation_error(raised.value, "file").message
    assert "9 = 'x'" in message
    assert message.endswith("and 990 more")


def test_no_message_grows_beyond_reading() -> None:
    error = TinyopsError("m" * 10**6, remedy="r")
    assert len(error.message) < 5000
    assert "characters more" in str(error)


@pytest.mark.parametrize("name", ["line\nbreak", "bell\a", "tab\t"])
def test_a_folder_whose_path_cannot_be_printed_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(TinyopsError, match=r"workspace '.*' has a line break or another character"):
        require_plain_path(tmp_path / name / "folder", "workspace")
    require_plain_path(tmp_path / "spaces and ümläuts", "workspace")
