"""How tall people are: what bounds every depth from one camera."""

STATURE_SIGMA_RELATIVE = 0.056
"""Standard deviation over the mean of adults' body heights, sex unknown: the RMS error that they leave
to any monocular depth, and the least sigma that is published. It never averages out: the same person is as
much too tall in the next image."""
PLAUSIBLE_STATURE_MM = (500.0, 2300.0)
"""Shorter or taller than this is nobody standing on the floor."""
