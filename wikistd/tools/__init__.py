"""The package as one file, or copied."""
