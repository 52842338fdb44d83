"""On which terms a release is rolled out, and what a rollout by them is to do."""

from __future__ import annotations

from dataclasses import dataclass

from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.boards.trail import Trail
from edge_deployer.inventory.inventory import Inventory
from edge_deployer.release.bundle import Bundle
from edge_deployer.rollout.deployment import describe_release
from edge_deployer.rollout.earlier import accepted_before
from edge_deployer.rollout.record import RolloutPlan, rollout_ids
from edge_deployer.rollout.strategy import Strategy


@dataclass(frozen=True)
class RolloutTerms:
    """How a release is rolled out.

    Attributes:
        acceptance: what the boards are asked.
        strategy: how production gets it.
        by: who begins it, in words.
        inventory: path of the inventory, for whoever goes on; None for the shipped boards.
        accepted_by: the plan by which the release was promoted before; None if it never was.
        takes_back: whether Ctrl-C takes it back; otherwise it pauses.
        replace: whether production may be given a release of another kind.
        approved: who has approved, and why, that boards cannot be taken back below the floor that the release raises.
    """

    acceptance: AcceptancePlan
    strategy: Strategy
    by: str
    inventory: str | None = None
    accepted_by: AcceptancePlan | None = None
    takes_back: bool = False
    replace: bool = False
    approved: tuple[str, str] | None = None


def plan_rollout(trail: Trail, inventory: Inventory, bundle: Bundle, terms: RolloutTerms) -> RolloutPlan:
    """What a rollout would do; nothing is begun.

    Raises:
        TinyopsError: the strategy's waves do not cover the pool, or the trail cannot be read.
    """
    image_hash = bundle.image.hash.hex()
    # A push stages anew.
    earlier = None if terms.takes_back else accepted_before(trail, image_hash, terms.acceptance)
    return RolloutPlan(
        id=f"r{len(rollout_ids(trail)) + 1}",
        release=describe_release(bundle),
        acceptance=terms.acceptance,
        strategy=terms.strategy,
        staging=() if earlier else tuple(entry.name for entry in inventory.pool("staging")),
        waves=terms.strategy.divide([entry.name for entry in inventory.pool("production")]),
        precedents=earlier,
        inventory=terms.inventory,
        takes_back=terms.takes_back,
        replace=terms.replace,
        by=terms.by,
    )
