"""The `tinyops` command."""

from edge_deployer.cli.app import main

__all__ = ["main"]
