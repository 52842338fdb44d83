"""What was found, as a code and typed figures. `edge_deployer.report.words` makes the sentences of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, SerializeAsAny, ValidatorFunctionWrapHandler, WrapValidator, create_model


class Finding(BaseModel):
    """A code and its figures; each code has a subclass, with a ``code`` of its own and a field for each figure.

    Nothing is decided by `words` or `remedy`, and neither is recorded: better ones leave every record as it is.

    Attributes:
        code: what was found; stays the same from version to version.
        words: a jinja2 template of the sentence over the fields, with the filters of `edge_deployer.report.words`.
        remedy: the same, of what to do about it; empty where nothing has to be done, or nobody knows.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"additionalProperties": True})

    code: str
    words: ClassVar[str]
    remedy: ClassVar[str] = ""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Know the subclass by its code, so that records of it can be read."""
        super().__pydantic_init_subclass__(**kwargs)
        _BY_CODE[cls.model_fields["code"].default] = cls


_BY_CODE: dict[str, type[Finding]] = {}


def kind(code: str, words: str, figures: Mapping[str, Any] = {}, *, remedy: str = "") -> Callable[..., Finding]:
    """Declare a kind of finding: its code, the templates of its words and its remedy, and the type of each figure."""
    fields: dict[str, Any] = {name: (figure, ...) for name, figure in figures.items()}
    made = create_model(code, __base__=Finding, code=(str, code), **fields)
    made.words, made.remedy = words, remedy
    return made


class Told(Finding):
    """What somebody said in words: an error's message, or the sentence of a record from before there were codes."""

    code: str = "told"
    text: str
    help: str = ""
    words: ClassVar[str] = "{{ text }}"
    remedy: ClassVar[str] = "{{ help }}"


class Unread(Finding):
    """A finding whose code nobody has declared, yet or any more."""

    code: str = "unread"
    record: dict[str, Any]
    words: ClassVar[str] = "{{ record['code'] }}"


def known(finding: Finding) -> Finding:
    """The finding itself; one that was read before its code was declared is read once more."""
    kind = _BY_CODE.get(finding.record["code"]) if isinstance(finding, Unread) else None
    return kind.model_validate(finding.record) if kind and isinstance(finding, Unread) else finding


def _by_code(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    if isinstance(value, str):
        return Told(text=value)
    if isinstance(value, dict) and isinstance(value.get("code"), str):
        kind = _BY_CODE.get(value["code"])
        return kind.model_validate(value) if kind else Unread(record=value)
    return handler(value)


AnyFinding = Annotated[SerializeAsAny[Finding], WrapValidator(_by_code)]
"""A field for any finding; it is read by its code, and a string, as earlier versions wrote it, is `Told`."""
