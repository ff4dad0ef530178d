"""The shared library of the course: what the lessons derive, draw and check."""
