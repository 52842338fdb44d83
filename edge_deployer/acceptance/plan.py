"""The acceptance plan: what boards are asked, what passes, and how sure one wants to be. All of it is data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PositiveInt,
    ValidationError,
    create_model,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from edge_deployer.acceptance.registry import declared
from edge_deployer.field_errors import describe_validation_error
from edge_deployer.files import read_yaml

MOST_SAMPLES = 100_000

Proportion = Annotated[float, Field(ge=0.0001, le=0.9999)]
ErrorRate = Annotated[float, Field(ge=0.000001, lt=0.5)]
Count = Annotated[int, Field(ge=1, le=MOST_SAMPLES)]
Consequence = Literal["refuse", "warn"]

_Section = TypeVar("_Section", bound=BaseModel)


class Budget(BaseModel):
    """What boards of one profile may spend on the model; null: what the profile has, and no limit of time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    latency_p50_us: PositiveInt | None = None
    latency_p95_us: PositiveInt | None = None
    latency_p99_us: PositiveInt | None = None
    latency_max_us: PositiveInt | None = None
    arena_bytes: PositiveInt | None = None
    flash_bytes: PositiveInt | None = None

    @property
    def latency_limits(self) -> dict[str, int]:
        """Microseconds, by the percentile that they limit; without those that are not set."""
        limits = {name: getattr(self, f"latency_{name}_us") for name in ("p50", "p95", "p99", "max")}
        return {name: limit for name, limit in limits.items() if limit is not None}


class AcceptancePlan(BaseModel):
    """What is asked of every board, and what passes. The defaults suit an int8 model with held-out samples.

    Every sequential check has the error rates `alpha` and `beta` for itself. Beside the fields here, a plan has the
    section of each check (`edge_deployer.acceptance.checks`), which `section` gives.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    samples: Count = Field(
        default=400, description="size of the acceptance set; a check that has not decided by then gives no verdict"
    )
    golden_vectors: Annotated[int, Field(ge=3, le=MOST_SAMPLES)] = Field(
        default=16, description="samples that a production board runs before its release is confirmed"
    )
    alpha: ErrorRate = Field(default=0.05, description="probability of refusing what is as good as tolerated")
    beta: ErrorRate = Field(default=0.05, description="probability of accepting what is bad")
    confidence: Proportion = Field(default=0.95, description="of the bounds in the report")
    better_than_constant: bool = Field(
        default=True,
        description="with labels and no floor: whether boards must be better than always answering the commonest "
        "class, or a constant score",
    )
    quorum: PositiveInt | None = Field(
        default=None, description="staging boards that must accept; null: two, or one where staging has a single board"
    )
    budgets: dict[str, Budget] = Field(default={}, description="by the name of the board profile")
    on_failure: dict[str, Consequence] = Field(
        default={}, description="`warn` for a check whose failure is reported but refuses nothing"
    )

    @model_validator(mode="before")
    @classmethod
    def _read_sections(cls, content: Any) -> Any:
        """Check each check's section; whatever is neither a section nor a field is refused with them."""
        if not isinstance(content, dict):
            return content
        own = {name: value for name, value in content.items() if name in cls.model_fields}
        sections = _sections().model_validate({name: value for name, value in content.items() if name not in own})
        return own | dict(sections)

    @model_validator(mode="after")
    def _only_known_checks_may_warn(self) -> AcceptancePlan:
        checks = {check.name: check for check in declared()}
        for name, consequence in self.on_failure.items():
            if name not in checks:
                raise ValueError(f"on_failure.{name}: there is no such check; there are {', '.join(checks)}")
            if consequence == "warn" and not checks[name].may_warn:
                raise ValueError(f"on_failure: a board that fails its {name} test cannot be accepted")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The fields, and the sections beside them."""
        own = handler(schema)
        sections = handler.resolve_ref_schema(handler(_sections().__pydantic_core_schema__))
        whole = handler.resolve_ref_schema(own)
        whole["properties"] |= sections["properties"]
        whole["additionalProperties"] = False
        return own

    def section(self, kind: type[_Section]) -> _Section | None:
        """The section of a check, by its model; None where it is null."""
        name = next(check.section_name or check.name for check in declared() if check.section is kind)
        found = (self.__pydantic_extra__ or {})[name]
        assert found is None or isinstance(found, kind)
        return found

    def budget(self, profile: str) -> Budget:
        """The budget of a board profile; an empty one where none is set."""
        return self.budgets.get(profile, Budget())

    def only_warns(self, check: str) -> bool:
        """Whether a failure of the check refuses nothing."""
        return self.on_failure.get(check) == "warn"

    def quorum_of(self, boards: int) -> int:
        """Boards that must accept, of a staging pool of so many without its spares."""
        return min(2, boards) if self.quorum is None else self.quorum


def _sections() -> type[BaseModel]:
    """A model with the section of each check."""
    fields: dict[str, Any] = {}
    for check in declared():
        if check.section is not None:
            kind = check.section | None if check.nullable or check.default is None else check.section
            field = Field(default=check.default, description=check.section_about)
            fields[check.section_name or check.name] = (kind, field)
    return create_model("Sections", __config__=ConfigDict(extra="forbid"), **fields)


def load_plan(path: Path | None) -> AcceptancePlan:
    """Read an acceptance plan; None gives the default one.

    Raises:
        TinyopsError: the file is missing, is not YAML, or a field is wrong.
    """
    if path is None:
        return AcceptancePlan()
    return parse_plan(read_yaml(path, f"acceptance plan {path}"), f"acceptance plan {path}")


def parse_plan(content: object, source: str) -> AcceptancePlan:
    """Check the contents of an acceptance plan.

    Raises:
        TinyopsError: a field is wrong; the message names it and `source`.
    """
    try:
        return AcceptancePlan.model_validate(content or {})
    except ValidationError as error:
        raise describe_validation_error(error, source) from error
