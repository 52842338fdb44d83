"""Runs a pipeline on this machine: the worker process, its events, how they are shown, and the lineage."""
