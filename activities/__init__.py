"""What workflows may ask of the world: thin, over the services."""
