"""Why a model does not become a release: what Evaluator and validator can find against it."""

from __future__ import annotations

from typing import Literal

from edge_deployer.finding import AnyFinding, kind
from edge_deployer.task import Metric

_LESS = (
    "{% if of == 'flash' %}make the model smaller, or choose a board with larger slots"
    "{% else %}make the model's activations smaller, or choose a board with more RAM{% endif %}"
)

Misfit = kind(
    "misfit",
    "{% if of == 'flash' %}the release image has {{ needed | count }} bytes; a slot of {{ board }} holds "
    "{{ limit | count }}{% else %}the model needs an arena of {{ needed | count }} bytes; {{ board }} has "
    "{{ limit | count }}{% endif %}",
    {"of": Literal["flash", "arena"], "board": str, "needed": int, "limit": int},
    remedy=_LESS,
)

AnotherProfile = kind(
    "another_profile",
    "the release is for boards of {{ profiles | join(' and ') }}, and {{ board }} is one of {{ profile }}",
    {"board": str, "profile": str, "profiles": tuple[str, ...]},
    remedy="leave the board out of the inventory, or state its profile, too: `tinyops push --for`, in a project "
    "`deploy.profiles`",
)

ModelTooLarge = kind(
    "model_too_large",
    "the model has {{ model_bytes | count }} bytes, its signed image {{ needed | count }} at least; a slot of "
    "{{ board }} holds {{ limit | count }}",
    {"of": Literal["flash", "arena"], "board": str, "needed": int, "limit": int, "model_bytes": int},
    remedy=_LESS,
)

NoFigure = kind(
    "no_figure",
    "the model's {{ metric }} over the held-out samples is {{ value }} in TFLM",
    {"metric": Metric, "value": str},
)

AsGoodAsConstant = kind(
    "as_good_as_constant",
    "{% if metric == 'accuracy' %}accuracy {{ '%.4f' | format(figure) }} is not better than "
    "{{ '%.4f' | format(constant) }}, what always answering the commonest class would reach"
    "{% elif metric == 'mae' %}mean absolute error {{ figure | number }} is not less than {{ constant | number }}, "
    "what always answering the median would reach"
    "{% else %}AUC {{ '%.4f' | format(figure) }} is not better than {{ constant }}, what a constant score reaches"
    "{% endif %}",
    {"metric": Metric, "figure": float, "constant": float},
)

BelowThreshold = kind(
    "evaluation.below_threshold",
    "{{ metric }} {{ '%.4f' | format(figure) }} is below {{ '%.4f' | format(threshold) }} on "
    "{{ 'the whole eval split' if where is none else 'slice ' ~ where }}",
    {"metric": str, "figure": float, "threshold": float, "where": str | None},
)

AboveThreshold = kind(
    "evaluation.above_threshold",
    "{{ metric }} {{ figure | number }} is above {{ threshold | number }} on "
    "{{ 'the whole eval split' if where is none else 'slice ' ~ where }}",
    {"metric": str, "figure": float, "threshold": float, "where": str | None},
)

BelowBaseline = kind(
    "evaluation.below_baseline",
    "{{ metric }} is {{ '%.4f' | format(drop) }} below the latest blessed model's on "
    "{{ 'the whole eval split' if where is none else 'slice ' ~ where }}; {{ '%.4f' | format(allowed) }} is allowed",
    {"metric": str, "drop": float, "allowed": float, "where": str | None},
)

AboveBaseline = kind(
    "evaluation.above_baseline",
    "{{ metric }} is {{ rise | number }} above the latest blessed model's {{ baseline | number }} on "
    "{{ 'the whole eval split' if where is none else 'slice ' ~ where }}; {{ allowed | percent }} more is allowed",
    {"metric": str, "rise": float, "baseline": float, "allowed": float, "where": str | None},
)

NoExampleInSlice = kind("evaluation.empty_slice", "no example falls in slice {{ slice }}", {"slice": str})

NotBlessed = kind(
    "evaluation.not_blessed",
    "{% if findings %}{% for finding in findings %}{{ finding | words }}{{ '' if loop.last else '; ' }}{% endfor %}"
    "{% else %}the Evaluator did not bless the model{% endif %}",
    {"findings": tuple[AnyFinding, ...]},
    remedy="improve the model or its data; ask for less in `evaluate` only if that is acceptable",
)

BelowFloor = kind(
    "signature.below_floor",
    "{{ release }} has security counter {{ counter }}, below the floor {{ floor }} that `tinyops releases revoke` set"
    "{% if revoked %}; it was revoked itself: {{ revoked }}{% endif %}",
    {"release": str, "counter": int, "floor": int, "revoked": str | None},
    remedy="push its model again, which signs it anew above the floor, or another one",
)
