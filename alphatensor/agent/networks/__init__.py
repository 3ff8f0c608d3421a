"""The agent's network, in Haiku. Nothing outside this package imports Haiku."""

from alphatensor.agent.networks.agent_network import (
    AgentNetwork,
    Predictions,
    Samples,
    make_network,
)
from alphatensor.agent.networks.value_head import quantile_loss, risk_seeking

__all__ = [
    "AgentNetwork",
    "Predictions",
    "Samples",
    "make_network",
    "quantile_loss",
    "risk_seeking",
]
