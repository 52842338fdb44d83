"""LatestBlessedModel: what a candidate must not fall behind."""
