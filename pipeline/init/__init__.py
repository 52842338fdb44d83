"""Looks at data and writes a project for it that runs at once."""
