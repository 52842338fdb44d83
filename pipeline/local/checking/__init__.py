"""What can be known of a project before it is trained."""
