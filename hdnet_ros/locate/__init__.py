"""Estimators: images, boxes and cameras in, people in millimetres out; and what finds the boxes."""
