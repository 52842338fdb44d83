"""What is done to one board, whoever asks for it: a deployment, or a command for that board alone."""
