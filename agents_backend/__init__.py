"""The core: domain, contracts, agents, services, database and integrations. It imports no room (api, workflows, activities, workers)."""
