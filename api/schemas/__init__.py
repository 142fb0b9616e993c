"""Request bodies and views, one file a noun."""
