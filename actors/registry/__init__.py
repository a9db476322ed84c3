"""Workspaces, and the sessions of agents that claim work."""
