"""Puts the components together, and runs them here."""
