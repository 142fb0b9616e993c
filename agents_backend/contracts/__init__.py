"""What crosses Temporal and the event log: frozen models and activity signatures. May import the domain."""
