"""The HTTP edge: FastAPI. Parses, calls one verb of a service, returns a view."""
