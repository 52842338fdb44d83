"""Features that a board can compute, a module for each front end; `front_end` has what they share and finds them."""
