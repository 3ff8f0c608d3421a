"""Sample-based Monte Carlo tree search, on mctx.

Fawzi et al. 2022, Methods and Supplement, "Sample-based MCTS". Every node holds K actions drawn
from the policy, with equal ones merged; they travel in the tree's embedding, so that mctx sees K
numbered actions. Departures from the paper:

* There is neither sub-tree reuse nor a transposition table, because mctx has none. Every move
  starts a new tree whose root is visited `simulations` times, so the visit temperature of the
  policy target is a constant of the run.
* Q-values are normalised to [0, 1] among siblings by default, as in MuZero. With
  `SearchConfig.q_transform` `raw` they enter as the paper prints the formula, and an action that
  has not been visited has the value of its node.
* The square root counts the visits of the node itself too, so that its first visit follows the
  prior instead of being a tie.
* Ties go to the sample drawn first, and all randomness comes from one key for each game, carried in
  the embedding. So a game does not depend on the batch that it is played in.

mctx masks invalid actions at the root alone; the selection rule here masks merged copies and null
actions at every depth.
"""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import mctx

from alphatensor.agent import actions, baseline, bases, environment, gumbel
from alphatensor.agent.agent import Agent
from alphatensor.agent.config import SearchConfig
from alphatensor.agent.environment import State


class SearchResult(NamedTuple):
    """What the search says about a batch of states.

    Attributes:
      candidates: int8 [B, K, 3, S], the root's sampled actions.
      policy: float32 [B, K], the improved policy over them, 0 on merged copies.
      chosen: int32 [B], which candidate to play.
      num_distinct: int32 [B], sampled actions left after merging.
      depth: float32 [B], mean depth of the tree's nodes.
    """

    candidates: jax.Array
    policy: jax.Array
    chosen: jax.Array
    num_distinct: jax.Array
    depth: jax.Array


class Node(NamedTuple):
    """The embedding of a batch of tree nodes.

    Attributes:
      state: leaves [B, ...].
      candidates: int8 [B, K, 3, S], the sampled actions.
      key_data: uint32 [B, 2], random keys for the children; mctx stores numbers, not typed keys.
    """

    state: State
    candidates: jax.Array
    key_data: jax.Array


def _expand(
    params,
    agent: Agent,
    permutations: bases.SignedPermutation,
    states: State,
    keys: jax.Array,
    samples: int,
    inverses: jax.Array | None,
) -> tuple[Node, jax.Array, jax.Array]:
    """Evaluates a batch of states, each seen under a random signed permutation of the bank.

    The priors are the empirical frequencies of the K sampled actions, as in the paper: the
    network's own probabilities of them are not used.

    Args:
      params: parameters of the network.
      agent: the agent.
      permutations: bank of signed permutations, leaves [P, 3, S].
      states: leaves [B, ...].
      keys: one random key for each state, [B].
      samples: actions drawn of each state; K above it is filled up with null actions.
      inverses: as in `search`.

    Returns:
      (node, logarithms of the priors float32 [B, K], risk-seeking values float32 [B]).
    """
    ring = agent.game.ring

    def prepare(state: State, key: jax.Array):
        key, permutation_key, sample_key = jax.random.split(key, 3)
        permutation = bases.draw_permutation(permutation_key, permutations)
        seen = bases.permute_state(state, permutation, ring)
        shape = (samples, agent.vocabulary.num_tokens)
        uniforms = jax.random.uniform(sample_key, shape)
        observation = environment.observe(seen, agent.game)
        return jax.random.key_data(key), permutation, observation, uniforms

    key_data, permutation, observation, uniforms = jax.vmap(prepare)(states, keys)
    output = agent.network.sample(params, observation, uniforms)

    def candidates_of(tokens, permutation, support):
        drawn = actions.from_tokens(tokens, agent.vocabulary)
        drawn = bases.unpermute_factors(drawn, permutation, ring)
        drawn = actions.canonical(jnp.where(support, drawn, 0), ring)
        missing = agent.config.search.width - samples
        drawn, probabilities = (
            jnp.pad(x, [(0, missing)] + [(0, 0)] * (x.ndim - 1))
            for x in (drawn, actions.merge(drawn))
        )
        return drawn, jnp.log(probabilities)

    candidates, logits = jax.vmap(candidates_of)(output.tokens, permutation, states.support)
    values = agent.network.value_head.value(output.value)
    values = values + baseline.of(states.residual, inverses, agent.config.search, ring)
    return Node(states, candidates, key_data), logits, jnp.where(states.done, 0.0, values)


def _children_keys(node: Node, action: jax.Array) -> jax.Array:
    """Returns keys [B] of children: siblings must not sample their actions with equal numbers."""
    keys = jax.random.wrap_key_data(node.key_data)
    return jax.vmap(jax.random.fold_in)(keys, action)


def _recurrent(agent: Agent, permutations: bases.SignedPermutation, inverses: jax.Array | None):
    """Returns mctx's step function: it plays an action at each node and evaluates what follows."""

    def recurrent(params, _, action, node: Node):
        factors = jax.vmap(lambda c, a: c[a])(node.candidates, action)
        after, rewards = environment.step(node.state, factors, agent.game)
        child_keys = _children_keys(node, action)
        samples = agent.config.search.samples
        child, logits, values = _expand(
            params, agent, permutations, after, child_keys, samples, inverses
        )
        output = mctx.RecurrentFnOutput(
            reward=rewards,
            discount=jnp.where(after.done, 0.0, 1.0),
            prior_logits=logits,
            value=values,
        )
        return output, child

    return recurrent


def _is_merged(logits: jax.Array) -> jax.Array:
    """Says which actions are merged copies or null: their log-prior is -inf."""
    return jnp.isneginf(logits)


def _raw_q(tree: mctx.Tree, node_index: jax.Array) -> jax.Array:
    """Returns the Q-values of one node [K], its own value where an action has not been visited."""
    visited = tree.children_visits[node_index] > 0
    q = tree.qvalues(node_index)
    return jnp.where(visited, q, tree.node_values[node_index])


def _select(config: SearchConfig):
    """Returns the selection rule of mctx's nodes, PUCT.

    It takes the largest Q + c(s) π̂ sqrt(ΣN + 1) / (1 + N) of the actions that are not merged.
    """
    transforms = {"min_max": mctx.qtransform_by_parent_and_siblings, "raw": _raw_q}
    transform = transforms[config.q_transform]

    def select(key, tree, node_index, depth=None):
        del key, depth
        logits = tree.children_prior_logits[node_index]
        visits = tree.children_visits[node_index]
        total = tree.node_visits[node_index]
        c = config.c_init + jnp.log((1 + config.c_base + total) / config.c_base)
        score = c * jnp.exp(logits) * jnp.sqrt(total) / (1 + visits)
        score = jnp.where(_is_merged(logits), -jnp.inf, transform(tree, node_index) + score)
        return jnp.argmax(score).astype(jnp.int32)

    return select


def improved_policy(visits: jax.Array, visits_reference: int) -> jax.Array:
    """Returns N(s,a)^(1/τ), normalised, of visit counts [..., K].

    τ = log N / log N̄ where the total N exceeds N̄ = `visits_reference`, else 1 (Fawzi et al. 2022,
    Methods).
    """
    total = jnp.sum(visits, axis=-1, keepdims=True).astype(jnp.float32)
    tau = jnp.maximum(jnp.log(jnp.maximum(total, 1.0)) / jnp.log(visits_reference), 1.0)
    share = (visits / jnp.maximum(total, 1.0)) ** (1.0 / tau)
    return share / jnp.sum(share, axis=-1, keepdims=True)


def acting_policy(policy: jax.Array, visits: jax.Array, q: jax.Array) -> jax.Array:
    """Returns the improved policy [..., K] without actions valued below the most visited one."""
    best = jnp.argmax(visits, axis=-1, keepdims=True)
    kept = jnp.where(q >= jnp.take_along_axis(q, best, axis=-1), policy, 0.0)
    return kept / jnp.sum(kept, axis=-1, keepdims=True)


def _add_root_noise(keys: jax.Array, logits: jax.Array, config: SearchConfig) -> jax.Array:
    """Mixes Dirichlet noise into priors given by their logarithms [B, K]; keys are [B]."""

    def one(key, logits):
        valid = ~_is_merged(logits)
        gamma = jax.random.gamma(key, config.root_concentration, logits.shape)
        noise = jnp.where(valid, gamma, 0.0)
        noise = noise / jnp.maximum(jnp.sum(noise), 1e-9)
        mixed = (1 - config.root_noise) * jnp.exp(logits) + config.root_noise * noise
        return jnp.where(valid, jnp.log(mixed), -jnp.inf)

    return jax.vmap(one)(keys, logits)


def search(
    params,
    agent: Agent,
    permutations: bases.SignedPermutation,
    states: State,
    keys: jax.Array,
    inverses: jax.Array | None = None,
) -> SearchResult:
    """Searches from a batch of states.

    Args:
      params: parameters of the network.
      agent: the agent.
      permutations: bank of signed permutations, leaves [P, 3, S].
      states: leaves [B, ...].
      keys: one random key for each game, typed, [B].
      inverses: int32 [B, 3, S, S], the matrices back to the canonical basis, which baselines of
        values may need; None for games in it.
    """
    config = agent.config.search
    tree = grow_tree(params, agent, permutations, states, keys, inverses)
    policy, chosen = gumbel.choose(tree) if config.rule == "gumbel" else _choose(tree, config, keys)
    is_merged = _is_merged(tree.children_prior_logits[:, tree.ROOT_INDEX])
    return SearchResult(
        candidates=tree.embeddings.candidates[:, tree.ROOT_INDEX],
        policy=policy,
        chosen=chosen,
        num_distinct=jnp.sum(~is_merged, axis=-1, dtype=jnp.int32),
        depth=_mean_depth(tree.parents),
    )


def _choose(tree: mctx.Tree, config: SearchConfig, keys: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns the improved policy [B, K] of visits, and an action int32 [B] drawn from it."""
    summary = tree.summary()
    policy = improved_policy(summary.visit_counts, config.visits_reference)
    acting = policy
    if config.drop_worse:
        acting = acting_policy(policy, summary.visit_counts, summary.qvalues)
    _, _, act_keys = _split(keys)
    chosen = jax.vmap(jax.random.categorical)(act_keys, jnp.log(acting))
    return policy, chosen.astype(jnp.int32)


def grow_tree(
    params,
    agent: Agent,
    permutations: bases.SignedPermutation,
    states: State,
    keys: jax.Array,
    inverses: jax.Array | None = None,
) -> mctx.Tree:
    """Grows the search tree of each state; the arguments are those of `search`."""
    config, side = agent.config.search, agent.game.side
    chex.assert_shape(states.residual, (*keys.shape, side, side, side))
    chex.assert_tree_shape_prefix(states, keys.shape)
    chex.assert_tree_shape_suffix(permutations, (3, side))
    root_keys, noise_keys, act_keys = _split(keys)
    root, logits, values = _expand(
        params, agent, permutations, states, root_keys, config.width, inverses
    )
    if config.root_noise:
        logits = _add_root_noise(noise_keys, logits, config)
    is_gumbel = config.rule == "gumbel"
    puct = _select(config)
    return mctx.search(
        params,
        jax.random.key(0),  # mctx asks for one; the rules and the expansion here do not use it
        root=mctx.RootFnOutput(prior_logits=logits, value=values, embedding=root),
        recurrent_fn=_recurrent(agent, permutations, inverses),
        root_action_selection_fn=(
            gumbel.root_rule(config.simulations, config.considered) if is_gumbel else puct
        ),
        interior_action_selection_fn=gumbel.interior_rule if is_gumbel else puct,
        num_simulations=config.simulations,
        max_depth=agent.config.game.max_moves,
        invalid_actions=_is_merged(logits).astype(jnp.float32),
        extra_data=gumbel.root_noise(act_keys, config.width) if is_gumbel else None,
    )


def _split(keys: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Splits the key of each game [B] into those of the root, the noise and the choice."""
    root_keys, noise_keys, act_keys = jax.vmap(lambda k: jax.random.split(k, 3), out_axes=1)(keys)
    return root_keys, noise_keys, act_keys


def _mean_depth(parents: jax.Array) -> jax.Array:
    """Returns the mean depth [B] of expanded nodes, given parents int32 [B, nodes], -1 for none."""

    def one(parents):
        def body(i, depth):
            return depth.at[i].set(jnp.where(parents[i] >= 0, depth[parents[i]] + 1, 0))

        depth = jax.lax.fori_loop(1, parents.shape[0], body, jnp.zeros(parents.shape, jnp.int32))
        return jnp.sum(depth) / jnp.maximum(jnp.sum(depth > 0), 1)

    return jax.vmap(one)(parents)
