"""What a board is asked before a release goes on, and how its answers are judged."""
