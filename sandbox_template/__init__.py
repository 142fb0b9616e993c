"""What runs inside a sandbox, for E2B and for the embedded host alike: the template and the MCP server. Imports nothing of the product."""
