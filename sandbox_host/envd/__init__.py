"""What E2B's envd serves inside its microVMs, served here by the host for each sandbox: processes, files, health."""
