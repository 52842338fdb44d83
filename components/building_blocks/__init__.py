"""What training modules are put together from: import it, or copy what you want to change."""
