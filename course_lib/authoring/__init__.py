"""Text sources become notebooks: read, convert, execute, compare, lint. Knows nothing of attention."""
