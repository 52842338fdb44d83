"""Runs a compiled pipeline on this machine, step by step, as the back end's driver and launcher would."""
