"""Why a release does not go on, where no verdict of a board or of the pool says it."""

from __future__ import annotations

from edge_deployer.finding import AnyFinding, kind

HEALTH = "`tinyops boards health` tests a board in quarantine and lets it back"

BoardInTrouble = kind(
    "boards.trouble", "{{ board }}: {{ message }}", {"board": str, "message": str, "help": str}, remedy="{{ help }}"
)

InQuarantine = kind(
    "boards.in_quarantine",
    "{{ board }} is in quarantine: {{ reason | words }}",
    {"board": str, "reason": AnyFinding},
    remedy=HEALTH,
)

LeftOut = kind("boards.left_out", "{{ board }} is left out: {{ message }}", {"board": str, "message": str})

TooFewBoards = kind(
    "boards.too_few",
    "{{ quorum }} healthy staging boards are needed, of every profile one, {{ missing }} missing; "
    "{% for board in absent %}{{ board | words }}{{ '' if loop.last else '; ' }}{% endfor %}",
    {"quorum": int, "missing": int, "absent": tuple[AnyFinding, ...]},
    remedy=f"reconnect the board, or give staging a spare; {HEALTH}",
)

AnotherKindOfModel = kind(
    "boards.another_kind",
    "{{ board }} runs another kind of model in production: {% for what, theirs, ours in differences %}"
    "its {{ what }} {{ theirs }}, the release's is {{ ours }}{{ '' if loop.last else '; ' }}{% endfor %}",
    {"board": str, "differences": tuple[tuple[str, str, str], ...]},
    remedy="push or run with --replace if the release is to take its place (on Kubeflow: the parameter `replace`), or "
    "correct the inventory",
)

NotConfirmed = kind(
    "not_confirmed",
    "{{ board }} did not confirm the release: {{ message }}",
    {"board": str, "message": str},
    remedy="read each board's checks in the report",
)

AnotherKey = kind(
    "signature.another_key",
    "{{ release }} is not signed with a key of the inventory, {{ key }}: {{ message }}",
    {"release": str, "key": str, "message": str},
    remedy="sign with the private half of such a key, or correct `public_key` in the inventory",
)

TooManyFailed = kind(
    "production.too_many_failed",
    "{{ failed | length }} of {{ pool }} production boards failed, more than {{ tolerated }}: {{ failed | together }}",
    {"failed": tuple[str, ...], "tolerated": int, "pool": int},
    remedy="read each board's checks in the report",
)

TooFewSucceeded = kind(
    "production.too_few_succeeded",
    "less than {{ '%.0f' | format(100 * wanted) }} % of a wave's boards run the release"
    "{% if failed %}; {{ failed | together }} failed{% endif %}"
    "{% if away %}; {{ away | together }} did not answer{% endif %}",
    {"wanted": float, "failed": tuple[str, ...], "away": tuple[str, ...]},
    remedy="reconnect the boards, or lower `min_success` in the strategy",
)

NoWayBack = kind(
    "boards.no_way_back",
    "the release raises the security floor to {{ counter }}, and {{ boards | together }} could not be taken back: what "
    "{{ 'it runs' if boards | length == 1 else 'they run' }} lies below that",
    {"boards": tuple[str, ...], "counter": int},
    remedy="approve it: tinyops push --approve WHY, or for a release in the workspace tinyops rollout start RELEASE "
    "--approve WHY",
)

TakenBack = kind(
    "production.taken_back",
    "the rollout was taken back by {{ who }}{% if why %}: {{ why }}{% endif %}",
    {"wish": str, "who": str, "why": str},
)

Interrupted = kind("production.interrupted", "the command was ended before the rollout was")

SlowerThanCanary = kind(
    "production.slower_than_canary",
    "the 95th percentile of its latency is {{ us | count }} µs, {{ '%.1f' | format(us / [other_us, 1] | max) }} times "
    "the {{ other_us | count }} µs of {{ canary }}, which had the release before; {{ limit }} times is the most",
    {"us": int, "other_us": int, "canary": str, "limit": float},
    remedy="see what else the board does, or raise `latency_over_canary` in the strategy",
)

SlowerThanProduction = kind(
    "production.slower_than_before",
    "the 95th percentile of its latency is {{ us | count }} µs, {{ '%.1f' | format(us / [other_us, 1] | max) }} times "
    "the {{ other_us | count }} µs of the release that production had; {{ limit }} times is the most",
    {"us": int, "other_us": int, "limit": float},
    remedy="make the model quicker, or raise `latency_over_production` in the strategy",
)

Regressed = kind(
    "production.regressed",
    "{{ board }} has accepted the release and does not answer so any more: {{ finding | words }}",
    {"board": str, "finding": AnyFinding},
    remedy="read the board's log; every board is taken back to the release that it had",
)
