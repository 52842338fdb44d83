"""Kinds of data, a module each; `source` has what they share and finds them."""
