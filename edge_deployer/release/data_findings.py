"""What the gates on data can find, and the record of a run's findings."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from edge_deployer.finding import AnyFinding, kind

FILE_NAME: Final = "data_findings.json"

GateName = Literal[
    "schema_anomalies",
    "unseen_labels",
    "shared_groups",
    "class_examples",
    "imbalance",
    "label_skew",
    "value_skew",
    "label_drift",
    "value_drift",
]
"""A gate on data, and its key in a project file's `data_gates`."""

Level = Literal["passed", "warned", "stopped", "not measured"]


class GateResult(BaseModel):
    """What one gate found, and what that means by its limits."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    gate: GateName
    level: Level
    finding: AnyFinding


class DataFindings(BaseModel):
    """Contents of `FILE_NAME`: each gate once or, where it measures several features, once for each."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    results: tuple[GateResult, ...]

    def at(self, level: Level) -> tuple[GateResult, ...]:
        """The results that came to a level."""
        return tuple(result for result in self.results if result.level == level)


_UP_TO: Final = "{% if limit is not none %}; up to {{ '%g' | format(limit) }} is taken{% endif %}"
_SEE_DATA: Final = "see whether these recordings were made and labelled as the others were"

SchemaFits = kind("data.schema_fits", "all splits fit the schema")

SchemaAnomaly = kind(
    "data.schema_anomaly",
    "split {{ split }} does not fit the schema: {{ feature }}: {{ text }}",
    {"split": str, "feature": str, "text": str},
    remedy="mend the data, or take its shape over with `tinyops schema update`",
)

LabelsSeen = kind("data.labels_seen", "train has all classes of the other splits")

UnseenLabels = kind(
    "data.unseen_labels",
    "split {{ split }} has samples of {{ classes | together }}, train has none",
    {"split": str, "classes": tuple[str, ...]},
    remedy="add samples of that class to train, or take it out of `data.classes`",
)

GroupsApart = kind(
    "data.groups_apart",
    "{{ groups | grouped }} held-out group{{ 's' if groups != 1 }}, of which none stands in train",
    {"groups": int},
)

SharedGroups = kind(
    "data.shared_groups",
    "{{ count | grouped }} of {{ groups | grouped }} groups in split {{ split }} stand in train, too: "
    "{{ some | together }}{% if count > some | length %} and others{% endif %}",
    {"split": str, "count": int, "groups": int, "some": tuple[str, ...]},
    remedy="give all samples of a group to one split",
)

GroupsUncounted = kind(
    "data.groups_uncounted",
    "{{ groups | grouped }} groups in split {{ split }}, of which {{ compared | grouped }} were compared with train's: "
    "none of those stands there, too",
    {"split": str, "groups": int, "compared": int},
    remedy="name a coarser group in `data.group`",
)

FewestExamples = kind(
    "data.fewest_examples",
    "class {{ name }} has the fewest samples, {{ count | grouped }}"
    "{% if limit is not none %}; {{ limit | grouped }} are wanted{% endif %}",
    {"name": str, "count": int, "limit": int | None},
    remedy="collect more of it, or take it out of `data.classes`",
)

Imbalance = kind(
    "data.imbalance",
    "{% if ratio == 1 %}train has as many samples of each class{% else %}"
    "train has {{ '%.3g' | format(ratio) }} times as "
    f"many samples of {{{{ largest }}}} as of {{{{ smallest }}}}, which makes {{{{ share | percent }}}} of it{_UP_TO}"
    "{% endif %}",
    {"ratio": float, "largest": str, "smallest": str, "share": float, "limit": float | None},
    remedy="collect more of the rare class, or weigh the classes in training",
)

LabelDistance = kind(
    "data.label_distance",
    "the share of class {{ name }} is {{ share | percent }} in {{ of }} and {{ known_share | percent }} in "
    "{{ known }}: {{ '%.3f' | format(distance) }} apart{% if chance > distance %}, which may be chance{% endif %}"
    f"{_UP_TO}",
    {
        "of": str,
        "known": str,
        "name": str,
        "share": float,
        "known_share": float,
        "distance": float,
        "chance": float,
        "limit": float | None,
    },
    remedy=_SEE_DATA,
)

ValueDistance = kind(
    "data.value_distance",
    "values of {{ feature }} in {{ of }} are {{ '%.3f' | format(distance) }} from those in {{ known }} "
    f"(Jensen-Shannon divergence, 0 to 1){_UP_TO}",
    {"of": str, "known": str, "feature": str, "distance": float, "limit": float | None},
    remedy=f"{_SEE_DATA}, in the same unit",
)

NotMeasured = kind(
    "data.not_measured",
    "{% if why == 'no_label' %}the data has no classes"
    "{% elif why == 'no_group' %}the project names no group"
    "{% elif why == 'anomaly_task' %}the rare class of an anomaly detection need not be in train"
    "{% elif why == 'nothing_accepted' %}no run of this project has been accepted yet"
    "{% elif why == 'same_data' %}the run that was accepted last had the same data"
    "{% else %}nothing in both can be compared{% endif %}",
    {"why": Literal["no_label", "no_group", "anomaly_task", "nothing_accepted", "same_data", "nothing_in_common"]},
)
