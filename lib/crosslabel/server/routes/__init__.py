"""The server's own routes, one module for each part of the interface."""
