"""The only vendor imports: models, search, pages, events. May import contracts and domain."""
