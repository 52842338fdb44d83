"""A release on trial: what the boards are given, and what they are held to."""

from __future__ import annotations

from dataclasses import dataclass

from edge_deployer.acceptance.check import Subject
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.reference import Reference
from edge_deployer.release.bundle import Bundle


@dataclass(frozen=True)
class Trial:
    """A release and the terms on which it is tried."""

    bundle: Bundle
    plan: AcceptancePlan
    reference: Reference

    @classmethod
    def of(cls, bundle: Bundle, plan: AcceptancePlan) -> Trial:
        """Try a release by a plan."""
        reference = Reference.of(bundle.acceptance, bundle.manifest.metrics, most=plan.samples)
        return cls(bundle, plan, reference)

    @property
    def image_hash(self) -> str:
        """Hex hash of the release's image."""
        return self.bundle.image.hash.hex()

    @property
    def subject(self) -> Subject:
        """The release, as the checks know it."""
        return Subject(
            image_hash=self.image_hash,
            image_bytes=len(self.bundle.image.data),
            arena_bytes=self.bundle.manifest.arena_bytes,
        )
