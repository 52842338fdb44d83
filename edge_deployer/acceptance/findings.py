"""Findings that more than one check, or the examination, can come to."""

from __future__ import annotations

from edge_deployer.finding import kind

RanNoSample = kind("no_sample", "the board ran no sample")

RunsAnotherImage = kind(
    "runs_another_image",
    "the board runs {{ runs | image }}, not {{ expected | image }}",
    {"runs": str | None, "expected": str},
)

HadFault = kind("fault", "the board had a fault: {{ fault }}", {"fault": str | None})

AnotherModel = kind(
    "another_model", "the board's model is {{ board }}, the release's {{ release }}", {"board": str, "release": str}
)

BootsAnotherImage = kind(
    "boots_another_image",
    "the board's boot logic did not take the release: it boots {{ boots | image }} instead; the board holds "
    "another public key than the one that signs releases, or its slot is damaged",
    {"boots": str | None},
)

NoClassLabels = kind("no_class_labels", "the acceptance set has no labels that are classes")

AnotherTask = kind("production.another_task", "production's model is {{ model }}: another task", {"model": str})

GaveNoAnswer = kind("production.no_answer", "the release in production gave no answer: {{ message }}", {"message": str})

NotInProduction = kind(
    "production.not_on_board",
    "{{ board }} runs {{ runs | image }}, which no production board runs",
    {"board": str, "runs": str | None},
)
