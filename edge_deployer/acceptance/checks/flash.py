"""Does the release fit the board's slot?"""

from __future__ import annotations

from typing_extensions import override

from edge_deployer.acceptance.check import Case, Check, CheckResult, Status
from edge_deployer.acceptance.registry import registered
from edge_deployer.finding import kind

NoSlot = kind("flash.unknown", "the size of the board's slot is not known")

FlashUsed = kind("flash.used", "{{ used | count }} of {{ limit | count }} bytes used", {"used": int, "limit": int})


@registered
class FlashCheck(Check):
    """The signed image is within its budget and what the board's slot takes."""

    name = "flash"
    place = 110
    about = "the signed image is within the profile's budget and what the board's slot takes"
    made_of = frozenset({"smoke"})
    unit = "bytes"
    complaint = "memory"
    told_by_figures = True

    @override
    def judge(self, case: Case) -> CheckResult:
        assert case.subject is not None
        has, used = case.evidence.image_limit, case.subject.image_bytes
        if has is None:
            return self.result(case, "failed", NoSlot())
        limit = min(has, case.plan.budget(case.evidence.profile).flash_bytes or has)
        status: Status = "passed" if used <= limit else "failed"
        return self.result(case, status, FlashUsed(used=used, limit=limit), measured=used, limit=limit)
