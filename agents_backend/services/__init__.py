"""Use cases, one file a noun, called by routes and activities alike. May import db, integrations, agents, contracts, domain."""
