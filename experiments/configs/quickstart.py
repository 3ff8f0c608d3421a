"""From random weights to a rank-7 algorithm for 2x2 matrices over the integers, on a laptop.

The agent plays over Z2, where the network learns fastest, and what it finds is lifted to the
integers and verified there. The base of the other configurations: they change what differs.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    config = ConfigDict()
    config.seed = 0
    config.output = "runs/quickstart"  # folder for everything a run writes

    config.target = "2x2x2"  # or several, separated by commas; or skew4, cyclic5, a .npy file
    config.ring = "Z2"  # Z, or Z2, Z3, ... for integers mod a prime
    config.entries = (0, 1)  # the set F of factor entries
    config.entries_per_token = 4  # d
    config.num_tokens = 0  # k; 0: as many as cover the factors

    config.game = ConfigDict(dict(max_moves=8, history=1))
    config.bases = ConfigDict(
        dict(
            density=0.3,  # of non-zeros beside the diagonal of the triangular matrices
            canonical_probability=0.05,
            num_bases=100_000,
            shared=False,  # the same matrix for all modes of equal size
            signed_permutations=100,
        )
    )
    config.demonstrations = ConfigDict(dict(min_rank=1, max_rank=9, probabilities=(0.55, 0.45)))
    config.network = ConfigDict(
        dict(
            channels=32,
            torso_blocks=2,
            heads=2,
            head_size=16,
            widening=2,
            grid_positions=True,
            rematerialise=False,
            policy_width=64,
            policy_layers=1,
            policy_heads=2,
            dropout=0.0,
            value_width=64,
            quantiles=8,
            risk=0.75,
        )
    )
    config.search = ConfigDict(
        dict(
            simulations=64,
            samples=32,
            c_init=1.25,
            c_base=19_652.0,
            q_transform="min_max",
            visits_reference=100,
            root_noise=0.0,
            root_concentration=0.3,
            drop_worse=True,
        )
    )
    config.learner = ConfigDict(
        dict(
            batch_size=256,
            actions_per_state=4,
            learning_rate=2e-3,
            decay_every=500_000,
            decay_factor=0.1,
            weight_decay=1e-5,
            clip_norm=4.0,
            policy_weight=1.0,
            value_weight=1.0,
            shuffle_probability=0.5,
        )
    )
    config.train = ConfigDict(
        dict(
            games=128,  # played at once in each round
            updates_per_call=50,
            warmup_updates=500,  # on demonstrations alone
            updates_per_round=50,
            mixture=(0.5, 0.4, 0.1),  # demonstrations, recent games, best games
            game_buffer=2_048,
            best_buffer=256,
            best_slack=0,
            goal=(7,),  # stop when each target has this rank; () to go on
            max_seconds=1_200.0,
            max_rounds=0,
            lift=True,  # over Z2: lift solutions to Z; the goal is then a rank over Z
            best_games_from="",  # a library whose algorithms are best games from the start
            flip_seconds=0.0,  # of flip-graph walks after each round of games
            runtime_weight=0.0,  # of the measured run time of solved games, in their reward
            runtime_size=1_024,  # of the float32 matrices in those measurements
            runtime_measured=8,  # new algorithms in each round
        )
    )
    config.mesh = ConfigDict(dict(data=0, model=1))  # devices of each axis; data=0: all there are
    config.checkpoint = ConfigDict(dict(minutes=5.0, keep=3))
    return config
