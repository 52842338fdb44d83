"""The root of every error that a user can cause or mend."""

from __future__ import annotations


class TinyopsError(Exception):
    """Something a user can mend; commands print it without a traceback.

    Args:
        message: what is wrong, naming the file, field and value.
        remedy: what to do about it, one sentence in the imperative.
    """

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  remedy: {self.remedy}"


class Refused(TinyopsError):
    """Nothing went wrong, and the answer is no: a command ends with the exit status of a refusal."""
