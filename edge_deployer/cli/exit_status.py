"""What the exit statuses of `tinyops` mean; 2 is wrong usage, as typer has it; above 128 see `edge_deployer.ending`."""

EXIT_ERROR = 1
EXIT_REFUSED = 3
