"""Search by Gumbel noise and sequential halving: another rule for the tree, on mctx.

Danihelka et al., "Policy improvement by planning with Gumbel", ICLR 2022. At the root some actions
are drawn without replacement by Gumbel noise, and the simulations are shared among them by
sequential halving; inner nodes follow the improved policy. It is not in Fawzi et al. 2022.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import mctx


class Choice(NamedTuple):
    """What the tree says at the root of each game.

    Attributes:
      policy: float32 [B, K], the improved policy, 0 on invalid actions.
      chosen: int32 [B], the action to play.
    """

    policy: jax.Array
    chosen: jax.Array


def root_noise(keys: jax.Array, num_actions: int) -> mctx.GumbelMuZeroExtraData:
    """Draws the noise of each root from the key of its own game, [B]."""
    noise = jax.vmap(lambda key: jax.random.gumbel(key, (num_actions,)))(keys)
    return mctx.GumbelMuZeroExtraData(root_gumbel=noise)


def root_rule(simulations: int, considered: int):
    """Returns the selection rule of roots, with a budget for so many considered actions."""

    def select(key, tree, node_index):
        return mctx.gumbel_muzero_root_action_selection(
            key,
            tree,
            node_index,
            num_simulations=simulations,
            max_num_considered_actions=considered,
        )

    return select


interior_rule = mctx.gumbel_muzero_interior_action_selection


def choose(tree: mctx.Tree) -> Choice:
    """Returns the improved policy and, of the most visited actions, the one of highest score."""
    completed = jax.vmap(mctx.qtransform_completed_by_mix_value, in_axes=(0, None))
    root = tree.ROOT_INDEX
    logits = tree.children_prior_logits[:, root] + completed(tree, root)
    visits = tree.children_visits[:, root]
    is_most_visited = visits == jnp.max(visits, axis=-1, keepdims=True)
    score = jnp.where(is_most_visited, logits + tree.extra_data.root_gumbel, -jnp.inf)
    return Choice(jax.nn.softmax(logits), jnp.argmax(score, axis=-1).astype(jnp.int32))
