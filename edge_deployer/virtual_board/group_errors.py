"""How group 65 refuses. Specified in ``docs/inference-group.md``."""

from __future__ import annotations

from smp.error import MGMT_ERR

from edge_deployer.virtual_board.smp_server import GroupError
from edge_deployer.wire.inference import GROUP, ErrorCode

_V1 = {
    ErrorCode.NO_MODEL: MGMT_ERR.ENOENT,
    ErrorCode.ARENA_TOO_SMALL: MGMT_ERR.ENOMEM,
    ErrorCode.UNSUPPORTED_OP: MGMT_ERR.ENOTSUP,
    ErrorCode.MODEL_REFUSED: MGMT_ERR.ECORRUPT,
    ErrorCode.INPUT_CRC: MGMT_ERR.ECORRUPT,
    ErrorCode.NO_RESULT: MGMT_ERR.EBADSTATE,
    ErrorCode.STALE_EPOCH: MGMT_ERR.EACCESSDENIED,
    ErrorCode.IMAGE_TOO_BIG: MGMT_ERR.ENOMEM,
    ErrorCode.SLOT_BUSY: MGMT_ERR.EBADSTATE,
    ErrorCode.BAD_STREAM: MGMT_ERR.ECORRUPT,
    ErrorCode.WRONG_MODEL: MGMT_ERR.EBADSTATE,
}


def refuse(code: ErrorCode) -> GroupError:
    """The refusal with a code of the group, and what it is in SMP version 1."""
    return GroupError(GROUP, code, _V1.get(code, MGMT_ERR.EINVAL))


def require_epoch(epoch: int | None, held: int) -> None:
    """Refuse a request of a holder older than the one that holds the board; one that names no epoch passes.

    Raises:
        GroupError: it is older.
    """
    if epoch is not None and epoch < held:
        raise refuse(ErrorCode.STALE_EPOCH)
