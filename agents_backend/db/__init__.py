"""SQLAlchemy tables and repositories: all SQL lives here. May import contracts and domain."""
