"""Labelled people: rendered, from data sets, from the real clip."""
