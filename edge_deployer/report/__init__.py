"""The report: one page and one JSON file that say what was let through, and why."""
