"""Every setting of the agent, one section for each of its parts; the defaults are the paper's.

Where Fawzi et al. 2022 give no value, the default is one that has worked here. All configurations
are hashable, so they can be static arguments of jitted functions.
"""

import dataclasses

from alphatensor import rings
from alphatensor.agent.network_config import NetworkConfig
from alphatensor.config import (
    Check,
    Config,
    boolean,
    integer,
    integers,
    is_number,
    number,
    one_of,
    positive,
    probability,
    require,
    section,
    setting,
    shares,
    text,
)

MAX_TOKEN_VALUES = 20_000  # widest softmax of the policy head


@dataclasses.dataclass(frozen=True)
class GameConfig(Config):
    """The rules of TensorGame."""

    max_moves: int = setting(
        125, integer(least=1), "R_limit: number of moves after which an unsolved game ends."
    )
    history: int = setting(7, integer(least=1), "h: number of past actions that the network sees.")


@dataclasses.dataclass(frozen=True)
class BasesConfig(Config):
    """Changes of basis in which games are played, and signed permutations of what is seen."""

    density: float = setting(
        0.015,
        probability(),
        "Probability of a non-zero entry beside the diagonals of the triangular matrices whose "
        "product is a random basis. The paper's 0.015 suits 5x5 matrices; small ones need more.",
    )
    canonical_probability: float = setting(
        0.16, probability(), "Share of games played in the canonical basis."
    )
    num_bases: int = setting(
        100_000, integer(least=1), "Number of bases that the games of a run draw from."
    )
    shared: bool = setting(
        True, boolean(), "Whether modes of equal size share a matrix (the paper's A = B = C)."
    )
    signed_permutations: int = setting(
        100,
        integer(least=1),
        "Number of signed permutations of a run; the network sees each position under one of them.",
    )


@dataclasses.dataclass(frozen=True)
class DemonstrationsConfig(Config):
    """The distribution of synthetic demonstrations."""

    min_rank: int = setting(1, integer(least=1), "Least number of factors of a demonstration.")
    max_rank: int = setting(125, integer(least=1), "Greatest number of factors of a demonstration.")
    probabilities: tuple[float, ...] = setting(
        (0.001, 0.099, 0.8, 0.099, 0.001),
        shares(),
        "Probability of each of `entries`, in increasing order.",
    )
    shared: float = setting(
        0.0,
        probability(),
        "Probability, for each factor, that it is that of an earlier move (not in the paper).",
    )

    def check(self) -> None:
        require("max_rank", self.max_rank, self.max_rank >= self.min_rank, "at least min_rank")


@dataclasses.dataclass(frozen=True)
class SearchConfig(Config):
    """The tree search of each move."""

    simulations: int = setting(800, integer(least=1), "Simulations for each move of a game.")
    samples: int = setting(32, integer(least=1), "Actions drawn at each node.")
    root_samples: int = setting(
        0, integer(least=0), "Actions drawn at the root of a tree; 0: as many as at other nodes."
    )
    rule: str = setting(
        "puct",
        one_of("puct", "gumbel"),
        "How the tree is grown and moves are chosen: by the paper's PUCT and its visits, or by "
        "Gumbel noise and sequential halving (agent/gumbel.py).",
    )
    considered: int = setting(
        16, integer(least=1), "Actions of the root that the rule `gumbel` starts from."
    )
    c_init: float = setting(
        1.25,
        number(least=0),
        "Constant of the exploration factor c(s) = c_init + log((1 + c_base + N) / c_base).",
    )
    c_base: float = setting(
        19_652.0, positive(), "Scale of the visits in the exploration factor, see c_init."
    )
    q_transform: str = setting(
        "min_max",
        one_of("min_max", "raw"),
        "Q-values among siblings: normalised to [0, 1] as in MuZero, or as the paper prints them.",
    )
    visits_reference: int = setting(
        100, integer(least=2), "Number of visits beyond which the policy target becomes flatter."
    )
    root_noise: float = setting(
        0.0, probability(), "Share of Dirichlet noise in the prior of the root."
    )
    root_concentration: float = setting(
        0.3, positive(), "Concentration of the Dirichlet noise at the root."
    )
    value_baseline: str = setting(
        "none",
        one_of("none", "rank_bound", "least_bound"),
        "What the network's value is relative to: nothing, or minus the slice-rank bound of the "
        "residual, the return of a game that is completed slice by slice, in the basis of the game "
        "or in that or the canonical one, whichever is less.",
    )
    drop_worse: bool = setting(
        True, boolean(), "Whether to act among actions valued as high as the most visited one."
    )

    def check(self) -> None:
        least = f"0, or at least samples={self.samples}"
        is_enough = not self.root_samples or self.root_samples >= self.samples
        require("root_samples", self.root_samples, is_enough, least)

    @property
    def width(self) -> int:
        """K: places for actions at each node of a tree."""
        return self.root_samples or self.samples


@dataclasses.dataclass(frozen=True)
class LearnerConfig(Config):
    """Losses and optimiser."""

    batch_size: int = setting(
        2_048, integer(least=1), "Positions that one update learns from, on all devices together."
    )
    actions_per_state: int = setting(
        1, integer(least=1), "A: number of actions of each position that the policy learns."
    )
    learning_rate: float = setting(1e-4, number(least=0), "Learning rate of AdamW at the start.")
    decay_every: int = setting(
        500_000, integer(least=1), "Updates between two steps of the learning rate."
    )
    decay_factor: float = setting(
        0.1, number(least=0), "Factor that a step multiplies the learning rate by."
    )
    weight_decay: float = setting(1e-5, number(least=0), "Decoupled weight decay of AdamW.")
    clip_norm: float = setting(4.0, positive(), "Global norm at which gradients are clipped.")
    average: float = setting(
        0.0,
        Check(lambda x: is_number(x) and 0 <= x < 1, "a number from 0 to below 1"),
        "Weight of the earlier mean in a running mean of the parameters, after each update; games "
        "are played with it. 0: they are played with the newest parameters, as in the paper.",
    )
    policy_weight: float = setting(1.0, number(least=0), "Weight of the policy's loss.")
    value_weight: float = setting(1.0, number(least=0), "Weight of the value's loss.")
    policy_loss: str = setting(
        "mean",
        one_of("mean", "any"),
        "Loss of the moves that are left of a demonstration or of a shuffled game, in any order "
        "right: the mean of their cross-entropies, or minus the logarithm of their total "
        "probability, which is small when the network knows one of them.",
    )
    shuffle_probability: float = setting(
        0.0,
        probability(),
        "Probability of learning from a solved game in a random order of its moves.",
    )
    unsolved_policy: str = setting(
        "all",
        one_of("all", "better"),
        "Whole games that were not solved from which the policy learns, beside the value: all, as "
        "in the paper, or those alone that, completed slice by slice, beat the slice-rank bound of "
        "their start.",
    )
    symmetries: float = setting(
        0.0,
        probability(),
        "Probability of learning from a solved game as another one of the same start, to which a "
        "random symmetry of its target leads; for matrix products mod p (not in the paper).",
    )


@dataclasses.dataclass(frozen=True)
class NeighbourhoodConfig(Config):
    """Games on sums of a few terms of algorithms that are held (agent/neighbourhood.py)."""

    walks: int = setting(
        0,
        integer(least=0),
        "Algorithms that walk at once, starting from the naive ones, by games on sums of their "
        "terms; 0: games on whole targets, as in the paper.",
    )
    library: str = setting(
        "", text(), "Library whose algorithms the walks start from; empty for the naive ones."
    )
    side: int = setting(
        4, integer(least=1), "Side of the tensors that sums are compressed to, at least max_terms."
    )
    density: float = setting(
        0.25,
        probability(),
        "Over Z, probability of a non-zero entry beside the diagonals of the triangular matrices "
        "whose product is the random basis of a sum; mod p all bases are alike.",
    )
    min_terms: int = setting(3, integer(least=1), "Least number of terms of a sum.")
    max_terms: int = setting(4, integer(least=1), "Greatest number of terms of a sum.")
    related: float = setting(
        0.7, probability(), "Share of sums whose terms are those that share most factors."
    )
    steps: int = setting(100, integer(least=1), "Games of each algorithm in a round.")
    share: float = setting(
        0.7, probability(), "Share of the terms of algorithms, beside demonstrations, in batches."
    )
    restart: float = setting(
        0.1,
        probability(),
        "Probability, in each round, that an algorithm above the best rank goes on from the best.",
    )
    detour: float = setting(
        0.0,
        probability(),
        "Share of games on fewer than max_terms terms that may take one move more than they have.",
    )
    margin: int = setting(
        0, integer(least=0), "By how many terms detours may make an algorithm longer than the best."
    )
    has_search: bool = setting(
        False, boolean(), "Whether moves are chosen by the tree search instead of the policy alone."
    )

    def check(self) -> None:
        low, high, side = self.min_terms, self.max_terms, self.side
        require("min_terms", low, low <= high, f"at most max_terms={high}")
        require("max_terms", high, high <= side, f"at most side={side}")


def _is_ring(name: object) -> bool:
    try:
        rings.parse(name)
    except ValueError:
        return False
    return True


@dataclasses.dataclass(frozen=True)
class AgentConfig(Config):
    """The arithmetic and all sections of the agent."""

    ring: str = setting(
        "Z",
        Check(_is_ring, f"'Z', or 'Z2', 'Z3', ... for a prime up to {rings.MAX_MODULUS}"),
        "Arithmetic of the game: Z for the integers, Z2, Z3, ... for the integers mod a prime.",
    )
    entries: tuple[int, ...] = setting(
        (-2, -1, 0, 1, 2), integers(), "F: the entries that factors may have."
    )
    entries_per_token: int = setting(
        5, integer(least=1), "d: entries of a factor that one token of the policy stands for."
    )
    game: GameConfig = section(GameConfig)
    bases: BasesConfig = section(BasesConfig)
    demonstrations: DemonstrationsConfig = section(DemonstrationsConfig)
    network: NetworkConfig = section(NetworkConfig)
    search: SearchConfig = section(SearchConfig)
    learner: LearnerConfig = section(LearnerConfig)
    neighbourhood: NeighbourhoodConfig = section(NeighbourhoodConfig)

    def check(self) -> None:
        self._check_neighbourhood()
        given, d = self.entries, self.entries_per_token
        is_set = len(set(given)) == len(given) >= 2 and 0 in given
        require("entries", given, is_set, "at least two different integers, 0 among them")
        if modulus := rings.parse(self.ring).modulus:
            residues = tuple(range(modulus))
            require(
                "entries",
                given,
                tuple(sorted(given)) == residues,
                f"{residues}, all residues of {self.ring}",
            )
        else:
            is_closed = all(-x in given and x <= 100 for x in given)
            require("entries", given, is_closed, "small integers closed under negation")
        few = len(given) ** min(d, 64) <= MAX_TOKEN_VALUES
        require(
            "entries_per_token",
            d,
            few,
            f"so few entries a token that |F|^d is at most {MAX_TOKEN_VALUES}",
        )
        weights = self.demonstrations.probabilities
        is_useful = len(weights) == len(given) and any(
            p > 0 for p, x in zip(weights, sorted(given), strict=True) if x
        )
        require(
            "demonstrations.probabilities",
            weights,
            is_useful,
            f"{len(given)} probabilities, one for each of {tuple(sorted(given))}, not all on 0",
        )

    def _check_neighbourhood(self) -> None:
        config = self.neighbourhood
        if not config.walks:
            return
        most, moves = config.max_terms, self.game.max_moves
        require("game.max_moves", moves, moves == most, f"neighbourhood.max_terms={most}")
        rank = self.demonstrations.max_rank
        expected = f"at most neighbourhood.max_terms={most}"
        require("demonstrations.max_rank", rank, rank <= most, expected)
