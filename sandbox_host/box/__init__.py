"""What runs inside each box as its first process: the standard library alone, relative imports alone."""
