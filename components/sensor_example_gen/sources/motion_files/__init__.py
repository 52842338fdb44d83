"""Files of motion: CSV, Parquet, JSON, a module each; `rows` has what they share, `opened` finds the one for a name."""
