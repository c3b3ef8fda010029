"""A small page: the camera's picture and the bird's-eye view of a bag or of running nodes."""
