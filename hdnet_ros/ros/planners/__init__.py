"""People as planners and human-robot interaction want them: one file per output, each switchable."""
