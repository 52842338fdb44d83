"""`tinyops boards`: single boards, by hand."""
