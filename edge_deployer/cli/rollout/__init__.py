"""`tinyops rollout`."""
