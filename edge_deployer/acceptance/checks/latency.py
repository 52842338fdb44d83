"""Is the model fast enough on the board?"""

from __future__ import annotations

import numpy as np
from typing_extensions import override

from edge_deployer.acceptance.check import Case, Check, CheckResult, Status
from edge_deployer.acceptance.findings import RanNoSample
from edge_deployer.acceptance.registry import registered
from edge_deployer.finding import kind

_PERCENTILES = {"p50": 50, "p95": 95, "p99": 99, "max": 100}

NoTimes = kind("latency.unknown", "no figure: the board cannot tell how long the model takes")

Percentiles = kind(
    "latency.percentiles",
    "{% for name, time in us.items() %}{{ name }} {{ time | count }}{{ '' if loop.last else ', ' }}{% endfor %} µs"
    "{% if over %}; {{ over | together }} over budget{% elif not limited %}; no budget is set{% endif %}",
    {"us": dict[str, int], "over": tuple[str, ...], "limited": bool},
)


@registered
class LatencyCheck(Check):
    """Percentiles of the latencies that the board reports are within the profile's budget.

    By nearest rank: the p-th percentile of n figures is the ``ceil(n p / 100)``-th smallest. `measured` and `limit` are
    those of the percentile that uses most of its budget, or the 95th where none is set.
    """

    name = "latency"
    place = 90
    about = "percentiles of the latencies that the board reports, against the profile's budget"
    made_of = frozenset({"samples"})
    unit = "microseconds"
    complaint = "latency"

    @override
    def judge(self, case: Case) -> CheckResult:
        answers = case.evidence.answers
        if answers is None:
            return self.result(case, "failed", RanNoSample())
        times = [time for time in answers.latencies_us if time is not None]
        limits = case.plan.budget(case.evidence.profile).latency_limits
        if len(times) < len(answers):
            # A budget that nothing was held against is not met, and not missed either.
            return self.result(case, "undecided" if limits else "skipped", NoTimes())
        figures = {
            name: int(np.percentile(times, share, method="inverted_cdf")) for name, share in _PERCENTILES.items()
        }
        over = tuple(name for name in limits if figures[name] > limits[name])
        finding = Percentiles(us=figures, over=over, limited=bool(limits))
        if not limits:
            return self.result(case, "skipped", finding, measured=figures["p95"])
        tightest = max(limits, key=lambda name: figures[name] / limits[name])
        status: Status = "failed" if over else "passed"
        return self.result(case, status, finding, measured=figures[tightest], limit=limits[tightest])
