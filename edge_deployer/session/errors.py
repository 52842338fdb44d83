"""What can go wrong between us and a board. Each names the board's URL."""

from __future__ import annotations

from edge_deployer.errors import TinyopsError
from edge_deployer.wire.inference import ResetReason


class SessionError(TinyopsError):
    """A conversation with a board failed."""

    def __init__(self, url: str, message: str, *, remedy: str) -> None:
        super().__init__(f"board at {url}: {message}", remedy=remedy)
        self.url = url


class InUse(SessionError):
    """Somebody else uses the board, which says nothing against the board or what runs there."""


class PortInUse(InUse):
    """Somebody else holds the port."""

    def __init__(self, url: str) -> None:
        super().__init__(url, "the port is in use", remedy="end the other program or session that holds the port")


class Fenced(InUse):
    """A newer holder has claimed the board, which takes no change from an older one.

    Attributes:
        held: the epoch that the board holds; None where it cannot tell.
        own: the epoch of this session.
    """

    def __init__(self, url: str, *, held: int | None, own: int) -> None:
        holds = "a newer epoch" if held is None else f"epoch {held}"
        super().__init__(
            url,
            f"the board is in use by a newer holder: it holds {holds}, this command {own}",
            remedy="let the other command end; if there is none, take the board over with --take-over",
        )
        self.held, self.own = held, own


class BoardGone(SessionError):
    """The board does not answer, or its port is not there."""

    def __init__(self, url: str, message: str) -> None:
        remedy = "check the board's power, the cable or the network, the port's name and the line rate"
        super().__init__(url, message, remedy=remedy)


class LineError(SessionError):
    """Bytes arrive, but damaged."""

    def __init__(self, url: str, message: str) -> None:
        super().__init__(url, message, remedy="check the line rate, the cable and who else writes to this port")


class BoardRefused(SessionError):
    """The board understood the request and said no, by a code of its SMP group, or of MCUmgr where that is None."""

    def __init__(self, url: str, request: str, *, group: int | None, code: int, words: str) -> None:
        source = "MCUmgr" if group is None else f"group {group}"
        remedy = "compare the board's slots and state with what the request needs"
        super().__init__(url, f"refused to {request}: {words} ({source} error {code})", remedy=remedy)
        self.group, self.code = group, code


class ImageTooBig(SessionError):
    """The image does not fit the board's slot."""

    def __init__(self, url: str, image_bytes: int) -> None:
        remedy = "make the model smaller, or release it for a class of board with larger slots"
        super().__init__(url, f"the image of {image_bytes:,} bytes is too large for its slot", remedy=remedy)


class ProtocolError(SessionError):
    """The board answers, undamaged, what its protocol does not allow."""

    def __init__(self, url: str, message: str) -> None:
        super().__init__(url, message, remedy="correct the board's firmware: it must follow docs/inference-group.md")


class WrongInputs(SessionError):
    """The samples are not of the shape and dtype that the board's model takes; both are told as ``int8[1, 4]``."""

    def __init__(self, url: str, given: str, taken: str) -> None:
        remedy = "give samples for the model that the board runs, or install the release that they belong to"
        super().__init__(url, f"the samples are {given}, the model on the board takes {taken}", remedy=remedy)


class ModelFault(SessionError):
    """The model on the board crashed, and the board started again by a fault; or it cannot be loaded there."""

    def __init__(self, url: str, message: str, *, reset_reason: ResetReason) -> None:
        super().__init__(url, message, remedy="do not release this model to this class of board")
        self.reset_reason = reset_reason
