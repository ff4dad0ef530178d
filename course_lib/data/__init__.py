"""The data of the course: one file per data set says what it is, where it comes from and its licence."""
