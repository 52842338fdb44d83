"""PromotionGate: makes a refusal visible where a platform looks at nothing but a run's status."""
