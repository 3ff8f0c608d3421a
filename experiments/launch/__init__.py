"""Starts runs of the agent on several devices and hosts."""
