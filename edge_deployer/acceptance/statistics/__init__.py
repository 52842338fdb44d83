"""When to stop sampling, and what may be said then: pure functions that need numpy only."""
