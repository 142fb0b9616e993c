"""Frozen values with verbs and the error tree. May import the standard library and pydantic."""
