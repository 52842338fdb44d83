"""The report: a page, a text in short and one JSON file that say what was let through, and why."""
