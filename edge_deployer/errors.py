"""The root of every error that a user can cause or mend."""

from __future__ import annotations

from typing import Final

LONGEST_MESSAGE: Final = 4000
"""Characters: whatever a damaged file makes a parser say, a message stays one that can be read."""


class TinyopsError(Exception):
    """Something a user can mend; commands print it without a traceback.

    Args:
        message: what is wrong, naming the file, field and value.
        remedy: what to do about it, one sentence in the imperative; empty where nobody knows.
    """

    def __init__(self, message: str, *, remedy: str) -> None:
        self.message = shortened(message, LONGEST_MESSAGE)
        super().__init__(self.message)
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  remedy: {self.remedy}" if self.remedy else self.message


class Refused(TinyopsError):
    """Nothing went wrong, and the answer is no: a command ends with the exit status of a refusal."""


def shortened(text: str, most: int) -> str:
    """The text, or its beginning and how much more there is where it has more than so many characters."""
    return text if len(text) <= most else f"{text[:most]}... and {len(text) - most:,} characters more"
