"""Words that stand in reports and on the terminal, and what they mean: one place for both and for the documentation."""

from __future__ import annotations

import re
from typing import Final

MEANINGS: Final = {
    "blessed": "a step's word that a model may go on: TFLMEvaluator blesses what is accurate enough, TFLMValidator "
    "what fits the board and runs there",
    "golden vector": "a sample of the acceptance set together with TFLM's answer to it, which is what a board must "
    "answer",
    "quarantine": "a board that differs alone is set aside: its word does not count until it has been tested",
    "smoke": "the first question to a board: does it answer, run this release, load the model and get a golden vector "
    "right?",
    "soak": "golden vectors again and again: no answer may change, and no fault may happen",
    "steps": "how far an output is from TFLM's, counted in steps of its quantisation, the smallest difference that "
    "there can be",
}
_OTHER_FORMS: Final = {"blessed": r"bless(?:ed|ing)", "quarantine": r"quarantined?", "steps": r"steps? off"}


def words_in(text: str) -> dict[str, str]:
    """The words of the glossary that stand in a text, and what they mean."""
    return {word: meaning for word, meaning in MEANINGS.items() if _stands_in(word, text)}


def _stands_in(word: str, text: str) -> bool:
    return re.search(rf"\b{_OTHER_FORMS.get(word, f'{word}s?')}\b", text, re.IGNORECASE) is not None
