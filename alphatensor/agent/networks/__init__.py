"""The agent's network, in Haiku. Nothing outside this package imports Haiku."""

from alphatensor.agent.networks.agent_network import (
    AgentNetwork,
    NetworkConfig,
    Predictions,
    Samples,
    make_network,
)
from alphatensor.agent.networks.policy_head import PolicyConfig
from alphatensor.agent.networks.torso import TorsoConfig
from alphatensor.agent.networks.value_head import ValueConfig, quantile_loss, risk_seeking

__all__ = [
    "AgentNetwork",
    "NetworkConfig",
    "PolicyConfig",
    "Predictions",
    "Samples",
    "TorsoConfig",
    "ValueConfig",
    "make_network",
    "quantile_loss",
    "risk_seeking",
]
