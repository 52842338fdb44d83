"""What a project is: its file and every section of it, module and data, and what is checked of them at once."""
