"""LangGraph graphs, their prompts and tool declarations. May import contracts and domain."""
