"""Which boards there are, in which pool, and how to reach them."""
