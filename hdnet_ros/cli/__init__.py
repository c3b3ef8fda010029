"""The command line: `hdnet`, the demo, the page."""
