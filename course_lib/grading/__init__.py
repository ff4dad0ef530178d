"""Marking a class: one command of the instructor, whose marks no submission can change."""
