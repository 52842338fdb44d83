"""Does the model's arena fit the board?"""

from __future__ import annotations

from typing_extensions import override

from edge_deployer.acceptance.check import Case, Check, CheckResult, Status
from edge_deployer.acceptance.registry import registered
from edge_deployer.finding import Finding, kind

NoArena = kind("arena.unknown", "the board did not report its arena")

ArenaUsed = kind("arena.used", "{{ own | count }} of {{ limit | count }} bytes used", {"own": int, "limit": int})

ArenaNeeded = kind(
    "arena.needed",
    "{{ host | count }} of {{ limit | count }} bytes needed, by bisection on a 64-bit host; the board reports "
    "{{ own | count }}",
    {"own": int, "limit": int, "host": int},
)

ArenaGainsaid = kind(
    "arena.gainsaid",
    "{{ own | count }} of {{ limit | count }} bytes used by the board's own figure; by bisection on a 64-bit host "
    "it is {{ host | count }}",
    {"own": int, "limit": int, "host": int},
)


@registered
class ArenaCheck(Check):
    """The model's arena on the board is within its budget and what the board has.

    What a board reports can lie below what the model needs to load. A virtual board runs the host's own TFLM, so the
    figure that was found on the host by bisection is its own, too, and is judged. A real board is of another word
    size: its own figure is judged, with a warning where the host's is on the other side of the limit.
    """

    name = "arena"
    place = 100
    about = "the tensor arena is within the profile's budget and what the board has"
    made_of = frozenset({"smoke"})
    unit = "bytes"
    complaint = "memory"

    @override
    def judge(self, case: Case) -> CheckResult:
        evidence = case.evidence
        own, has = evidence.arena_used, evidence.arena_bytes
        if own is None or has is None:
            return self.result(case, "failed", NoArena())
        assert case.subject is not None
        limit = min(has, case.plan.budget(evidence.profile).arena_bytes or has)
        host = case.subject.arena_bytes
        judged, doubtful = own, False
        finding: Finding = ArenaUsed(own=own, limit=limit)
        if case.virtual and host is not None:
            judged, finding = host, ArenaNeeded(own=own, limit=limit, host=host)
        elif host is not None and (host <= limit) != (own <= limit):
            doubtful, finding = True, ArenaGainsaid(own=own, limit=limit, host=host)
        status: Status = "passed" if judged <= limit else "failed"
        return self.result(case, status, finding, measured=judged, limit=limit, doubtful=doubtful)
