"""A release as source code for firmware."""
