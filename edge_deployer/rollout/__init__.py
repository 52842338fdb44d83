"""Takes a release through the staging pool to the production pool, and records every step."""
