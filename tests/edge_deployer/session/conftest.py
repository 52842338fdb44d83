"""Virtual boards for these tests."""

from tests.edge_deployer.virtual_board.board_fixtures import board, identity_image, signer, stranger, unused_boards

__all__ = ["board", "identity_image", "signer", "stranger", "unused_boards"]
