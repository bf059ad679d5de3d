"""Segments: partners put in a category by what they do (spec: segments.md)."""
