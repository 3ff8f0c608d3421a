"""The sizes of the network, a section of `agent.config`; the defaults are the paper's."""

import dataclasses

from alphatensor.config import Config, boolean, integer, number, one_of, require, setting


@dataclasses.dataclass(frozen=True)
class NetworkConfig(Config):
    """Sizes of the torso, the policy head and the value head."""

    torso: str = setting(
        "attentive_modes",
        one_of("attentive_modes", "contractions"),
        "The paper's torso, or a perceptron over the residual's contractions with short vectors "
        "(networks/contractions.py), for small tensors.",
    )
    contractions: int = setting(
        64, integer(least=1), "Vectors that each mode is contracted with, shortest first."
    )
    channels: int = setting(512, integer(least=1), "c: features of each element of a grid.")
    torso_blocks: int = setting(
        8, integer(least=1), "Blocks of the torso, each of three attentive modes."
    )
    heads: int = setting(16, integer(least=1), "Attention heads of the torso.")
    head_size: int = setting(
        32, integer(least=1), "Features of an attention head, in the torso and in the policy head."
    )
    widening: int = setting(
        4, integer(least=1), "Ratio of the hidden width of a dense layer to its input."
    )
    grid_positions: bool = setting(
        False,
        boolean(),
        "Whether the torso adds learned features of each place of the grids (not in the paper; "
        "it helps where tensors are small).",
    )
    rematerialise: bool = setting(
        True, boolean(), "Whether gradients compute the torso again instead of storing it."
    )
    policy: str = setting(
        "transformer",
        one_of("transformer", "perceptron"),
        "The paper's policy head, or one perceptron for each token (networks/perceptron_head.py).",
    )
    policy_width: int = setting(2_048, integer(least=1), "Features of a token in the policy head.")
    policy_layers: int = setting(2, integer(least=1), "Decoder layers of the policy head.")
    policy_heads: int = setting(32, integer(least=1), "Attention heads of the policy head.")
    dropout: float = setting(0.1, number(least=0), "Dropout of the policy head while training.")
    value_width: int = setting(
        512, integer(least=1), "Units of each hidden layer of the value head."
    )
    value: str = setting(
        "quantiles",
        one_of("quantiles", "categorical"),
        "What the value head predicts: quantiles of the return, or its distribution over whole "
        "numbers, whose mean the search takes (the paper's ablation).",
    )
    quantiles: int = setting(
        8, integer(least=1), "q: number of quantiles of the return that are predicted."
    )
    risk: float = setting(
        0.75, number(least=0), "Level above which the search takes the mean of the quantiles."
    )

    def check(self) -> None:
        require("dropout", self.dropout, self.dropout < 1, "a rate from 0 to below 1")
        top = 1 - 0.5 / self.quantiles
        require("risk", self.risk, self.risk < top, f"a level below the top quantile {top}")
