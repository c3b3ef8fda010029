"""What goes wrong with a recording."""


class BagError(ValueError):
    """A recording that cannot be read, answered or written; the message names it and says why."""
