"""`tinyops report`: commands for reports that were written before."""
