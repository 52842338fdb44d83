"""TFX components of the release line, a folder each: `component.py` is the interface, `executor.py` the work."""
