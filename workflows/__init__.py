"""Deterministic orchestration, one file a workflow. May import contracts, domain and agents of the core."""
