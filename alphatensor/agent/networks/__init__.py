"""The agent's network, in Haiku. Nothing outside this package imports Haiku."""

from alphatensor.agent.networks.agent_network import (
    AgentNetwork,
    Predictions,
    Samples,
    make_network,
)

__all__ = [
    "AgentNetwork",
    "Predictions",
    "Samples",
    "make_network",
]
