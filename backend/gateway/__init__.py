"""The HTTP door: FastAPI application, dependencies, routes."""
