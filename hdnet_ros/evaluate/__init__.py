"""Measures of root localisation and what they are measured on."""
