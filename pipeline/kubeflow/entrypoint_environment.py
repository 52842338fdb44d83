"""What a compiled pipeline tells the entrypoint through the environment of a step's container."""

from __future__ import annotations

from typing import Final

MODULE_FOLDER: Final = "TINYOPS_MODULE_FOLDER"
"""Environment variable: folder of the user's module, for the end of the import path."""
