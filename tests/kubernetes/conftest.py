"""What the tests of gateways share: a virtual board, and an image for it."""

from tests.edge_deployer.virtual_board.board_fixtures import board, identity_image, signer, unused_boards

__all__ = ["board", "identity_image", "signer", "unused_boards"]
