"""What `tinyops verify` asks of a compiled pipeline before a cluster sees it."""
