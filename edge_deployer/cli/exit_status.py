"""What the exit statuses of `tinyops` mean; 2 is wrong usage, as typer has it."""

EXIT_ERROR = 1
EXIT_REFUSED = 3
EXIT_INTERRUPTED = 130
