"""Releases: the signed image a board boots, and everything that travels beside it."""
