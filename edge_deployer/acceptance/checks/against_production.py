"""Is the release as good as the one in production, on the same board and the same samples?"""

from __future__ import annotations

import numpy as np
from pydantic import Field
from typing_extensions import override

from edge_deployer.acceptance.check import Case, CheckResult, SequentialCheck
from edge_deployer.acceptance.findings import NoClassLabels
from edge_deployer.acceptance.plan import AcceptancePlan, Proportion
from edge_deployer.acceptance.registry import registered
from edge_deployer.acceptance.sequential import Section, fewest
from edge_deployer.acceptance.statistics.confidence_sequence import mean_upper_bound
from edge_deployer.acceptance.statistics.paired import PairedTest
from edge_deployer.finding import kind


class AgainstProduction(Section):
    """How much worse than the release in production a candidate may be."""

    margin: Proportion = Field(
        default=0.05, description="a candidate whose accuracy is lower by this much is accepted with probability beta"
    )


Discordant = kind(
    "against_production.discordant",
    "of {{ samples }} samples production alone has {{ lost }} right, the release alone {{ won }}",
    {"lost": int, "won": int, "samples": int, "margin": float},
)


@registered
class AgainstProductionCheck(SequentialCheck):
    """McNemar's discordant pairs, sequentially: production and candidate answer the same samples on the same board."""

    name = "against_production"
    place = 70
    about = "the loss of accuracy against the release in production"
    made_of = frozenset({"before install", "samples"})
    section, default = AgainstProduction, AgainstProduction()
    nullable = True
    section_about = "accuracy against the release in production; null asks for none"
    heading = "Against production"
    asks = (
        "{% if section is none %}not compared{% else %}"
        "an accuracy lower by {{ section.margin | percent }} is bad{% endif %}"
    )
    unit = "loss"
    at_least = True
    limit_words = "where a loss of {{ margin | percent }} is bad"
    of_release = True

    @override
    def judge(self, case: Case) -> CheckResult | None:
        against, production = case.plan.section(AgainstProduction), case.evidence.production
        if against is None or production is None or case.evidence.answers is None:
            return None
        if production.answers is None or case.reference.metric != "accuracy":
            return self.result(case, "skipped", production.reason or NoClassLabels())
        ours, theirs = case.outputs, production.answers.outputs.load()
        both = min(len(ours), len(theirs))
        candidate = case.reference.right_answers(ours[:both])
        earlier = case.reference.right_answers(theirs[:both], production.output)
        outcome = paired_test(against, len(case.reference), case.plan).decide(candidate, earlier)
        candidate, earlier = candidate[: outcome.samples], earlier[: outcome.samples]
        losses = earlier.astype(np.float64) - candidate
        lost, won = int((losses > 0).sum()), int((losses < 0).sum())
        return self.decided(
            case,
            outcome,
            Discordant(lost=lost, won=won, samples=len(losses), margin=against.margin),
            measured=float(losses.mean()),
            limit=0.0,
            high=mean_upper_bound(losses, -1.0, 1.0, case.plan.confidence),
            differing=np.flatnonzero(losses > 0),
        )

    @override
    def wants_more(self, case: Case, result: CheckResult) -> bool:
        """Until production's answers are used up."""
        production, answers = case.evidence.production, case.evidence.answers
        compared = production.answers if production else None
        more = answers is not None and compared is not None and len(answers) < len(compared)
        return more and super().wants_more(case, result)

    @override
    def samples_needed(self, plan: AcceptancePlan, *, labelled: bool, computed: bool) -> int | None:
        against = plan.section(AgainstProduction)
        if against is None or not labelled:
            return None
        # A candidate that is right wherever production is.
        return fewest(
            lambda cap: paired_test(against, cap, plan).decide(np.ones(cap, np.bool_), np.ones(cap, np.bool_))
        )


def paired_test(against: AgainstProduction, samples: int, plan: AcceptancePlan) -> PairedTest:
    """The test of a loss of accuracy against the release in production."""
    return PairedTest(against.margin, plan.alpha, plan.beta, samples)
