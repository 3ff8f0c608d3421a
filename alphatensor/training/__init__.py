"""Runs of the agent: configuration, the loop, checkpoints, results."""
