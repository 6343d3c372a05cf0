"""A file before it means anything: what it is, how it is written, its columns, and its cells as values."""
