"""One module per command of `hdnet`; heavy imports happen inside the commands."""
