"""Trainer: TFX's, which looks at the network before it trains it."""
