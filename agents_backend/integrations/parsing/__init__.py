"""Files that users give, read into sections by a child process that may die of them."""
