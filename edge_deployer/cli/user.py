"""Who gives a command."""

from __future__ import annotations

import getpass


def user_name(who: str | None = None) -> str:
    """The name that was given, or else the user's of this machine."""
    return who or getpass.getuser()


def approved_by_user(why: str | None) -> tuple[str, str] | None:
    """Who approves, and why; None where nobody does."""
    return None if why is None else (user_name(), why)
