"""`tinyops releases`."""
