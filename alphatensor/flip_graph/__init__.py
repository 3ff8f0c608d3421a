"""Flip-graph search: walkers on schemes, symmetries, a scheduler, refinement."""
