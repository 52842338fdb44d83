"""DataGate: stops a run on data that is no good, before anything is trained on it."""
