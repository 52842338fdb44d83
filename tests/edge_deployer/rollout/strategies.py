"""Strategies and pools as hypothesis draws them."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st

from edge_deployer.rollout.strategy import Bake, Strategy, WaveTerms


def shares() -> st.SearchStrategy[Fraction]:
    """Tenths of a percent, as somebody may write them down."""
    return st.integers(1, 1000).map(lambda tenths: Fraction(tenths, 1000))


# Only the last wave of a strategy may take all that are left.
wave_terms = st.builds(
    WaveTerms,
    boards=st.integers(1, 20) | shares().map(lambda share: f"{float(share * 100):g}%"),
    approval=st.booleans(),
)


@st.composite
def strategies(draw: st.DrawFn) -> Strategy:
    """Any that covers every pool."""
    return Strategy(
        waves=(*draw(st.lists(wave_terms, max_size=4)), WaveTerms(approval=draw(st.booleans()))),
        max_failures=draw(st.integers(0, 5) | shares().map(lambda share: f"{float(share * 100):g}%")),
        min_success=draw(st.sampled_from([None, 0.0, 0.5, 0.55, 0.9, 1.0])),
        bake=draw(st.none() | st.just(Bake(seconds=1))),
    )
