"""The embedded E2B-compatible sandbox host: a process of its own. Imports nothing of the product."""
