"""Virtual boards for these tests."""

from tests.edge_deployer.virtual_board.board_fixtures import board, signer, unused_boards

__all__ = ["board", "signer", "unused_boards"]
