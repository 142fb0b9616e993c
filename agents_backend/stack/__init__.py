"""The embedded servers: find, start, wait, stop. May import settings alone."""
