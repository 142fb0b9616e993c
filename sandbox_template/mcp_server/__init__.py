"""The MCP server of a sandbox: shells, files, todos, ports and slides of the machine that it runs on.

Runs with `requirements.txt` alone, as `python3 -m mcp_server`, so its modules import each other relatively and nothing of the product.
"""
