"""Sample-based Monte Carlo tree search on mctx (paper, "Sample-based MCTS"; paper_details 3).

Every node holds K actions drawn from the policy, with equal ones merged; they travel in the tree's
embedding, so that mctx sees K numbered actions. Where the search departs from the paper:

* mctx has neither sub-tree reuse nor a transposition table, so every move starts a new tree and the
  root always has `simulations` visits: the visit temperature is a constant of the run.
* mctx masks invalid actions at the root alone; our selection rule masks merged duplicates and null
  actions at every depth.
* Q-values are normalised to [0, 1] among siblings by default, as in MuZero; `raw` is the formula
  as the paper prints it, with the node's own value for actions not yet visited.
* The square root counts the visits of the node itself too, so that its first visit follows the
  prior instead of being a tie.
* Ties are broken by the order of the samples and all randomness comes from one key for each game,
  carried in the embedding: a game does not depend on the batch it is played in.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import mctx

from alphatensor.agent import actions as factors
from alphatensor.agent import bases, environment, networks
from alphatensor.agent.environment import Rules, State


class SearchConfig(NamedTuple):
    """Constants of the search. Hashable: a static argument.

    Attributes:
      simulations: for each move (the paper: 800).
      samples: K, actions drawn at each node (32).
      c_init, c_base: of the exploration factor c(s) = c_init + log((1 + c_base + ΣN) / c_base).
      q_transform: 'min_max' or 'raw', see the module's docstring.
      visits_reference: N̄ of the policy target's temperature (100).
      root_noise: share of Dirichlet noise in the root's prior (0 in the paper's text).
      root_concentration: α of that noise.
      drop_worse: act only among actions valued at least as high as the most visited one (paper).
    """

    simulations: int
    samples: int
    c_init: float
    c_base: float
    q_transform: str
    visits_reference: int
    root_noise: float
    root_concentration: float
    drop_worse: bool


class Agent(NamedTuple):
    """Everything about the agent but its parameters. Hashable: a static argument.

    Attributes:
      network: pure functions of the parameters.
      rules: of the game.
      vocabulary: how actions are written as tokens.
      config: of the search.
    """

    network: networks.AgentNetwork
    rules: Rules
    vocabulary: factors.Vocabulary
    config: SearchConfig
    value: networks.ValueConfig


class SearchResult(NamedTuple):
    """What the search says about a batch of states.

    Attributes:
      candidates: int8 [B, K, 3, S], the root's sampled actions.
      policy: float32 [B, K], the improved policy over them (0 on merged copies).
      chosen: int32 [B], the action to play.
      value: float32 [B], the root's value after the search.
      num_distinct: int32 [B], sampled actions left after merging.
      depth: float32 [B], mean depth of the tree's nodes.
    """

    candidates: jax.Array
    policy: jax.Array
    chosen: jax.Array
    value: jax.Array
    num_distinct: jax.Array
    depth: jax.Array


class Node(NamedTuple):
    """The embedding of a tree node: state, its candidates [K, 3, S] and its random key (raw)."""

    state: State
    candidates: jax.Array
    key: jax.Array


def _expand(params, agent: Agent, permutations: bases.SignedPermutation, state: State, keys):
    """Evaluates a batch of states: (node, prior logits [B, K], risk-seeking value [B]).

    Each query sees the state under a random signed permutation of the bank [P, 3, S]; the sampled
    actions are mapped back.
    """
    ring = agent.rules.ring
    num_permutations = permutations.source.shape[0]

    def prepare(state: State, raw_key: jax.Array):
        key, index_key, sample_key = jax.random.split(jax.random.wrap_key_data(raw_key), 3)
        index = jax.random.randint(index_key, (), 0, num_permutations)
        permutation = jax.tree.map(lambda x: x[index], permutations)
        seen = state._replace(
            residual=bases.permute_tensor(state.residual, permutation, ring),
            past=bases.permute_factors(state.past, permutation, ring),
        )
        shape = (agent.config.samples, agent.vocabulary.num_tokens)
        uniforms = jax.random.uniform(sample_key, shape)
        observation = environment.observe(seen, agent.rules)
        return jax.random.key_data(key), permutation, observation, uniforms

    keys, permutation, observation, uniforms = jax.vmap(prepare)(state, keys)
    output = agent.network.sample(params, observation, uniforms)

    def candidates_of(tokens, permutation, support):
        drawn = factors.from_tokens(tokens, agent.vocabulary)
        drawn = bases.unpermute_factors(drawn, permutation, ring)
        drawn = factors.canonical(jnp.where(support, drawn, 0), ring)
        probabilities, _ = factors.merge(drawn)
        return drawn, jnp.log(probabilities)

    candidates, logits = jax.vmap(candidates_of)(output.tokens, permutation, state.support)
    value = networks.risk_seeking(output.quantiles, agent.value)
    return Node(state, candidates, keys), logits, jnp.where(state.done, 0.0, value)


def _fold_in(raw_keys: jax.Array, actions: jax.Array) -> jax.Array:
    """Keys of children [B, 2]: siblings must not sample their actions with the same numbers."""

    def one(raw_key, action):
        return jax.random.key_data(jax.random.fold_in(jax.random.wrap_key_data(raw_key), action))

    return jax.vmap(one)(raw_keys, actions)


def _is_merged(logits: jax.Array) -> jax.Array:
    """Merged copies carry a prior of -inf."""
    return jnp.isneginf(logits)


def _raw_q(tree: mctx.Tree, node_index: jax.Array) -> jax.Array:
    """Q-values of one node [K], its own value where an action has not been visited."""
    visited = tree.children_visits[node_index] > 0
    q = tree.qvalues(node_index)
    return jnp.where(visited, q, tree.node_values[node_index])


def _select(config: SearchConfig):
    """PUCT: argmax of Q + c(s) π̂ sqrt(ΣN + 1) / (1 + N) over the actions that are not merged."""
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
    """N(s,a)^(1/τ), normalised, over visit counts [..., K].

    τ = log N / log N̄ where the total N exceeds N̄ = `visits_reference`, else 1 (paper).
    """
    total = jnp.sum(visits, axis=-1, keepdims=True).astype(jnp.float32)
    tau = jnp.maximum(jnp.log(jnp.maximum(total, 1.0)) / jnp.log(visits_reference), 1.0)
    share = (visits / jnp.maximum(total, 1.0)) ** (1.0 / tau)
    return share / jnp.sum(share, axis=-1, keepdims=True)


def acting_policy(policy: jax.Array, visits: jax.Array, q: jax.Array) -> jax.Array:
    """The improved policy [..., K] without actions valued below the most visited one (paper)."""
    best = jnp.argmax(visits, axis=-1, keepdims=True)
    kept = jnp.where(q >= jnp.take_along_axis(q, best, axis=-1), policy, 0.0)
    return kept / jnp.sum(kept, axis=-1, keepdims=True)


def _add_root_noise(keys: jax.Array, logits: jax.Array, config: SearchConfig) -> jax.Array:
    def one(raw_key, logits):
        valid = ~_is_merged(logits)
        gamma = jax.random.gamma(
            jax.random.wrap_key_data(raw_key), config.root_concentration, logits.shape
        )
        noise = jnp.where(valid, gamma, 0.0)
        noise = noise / jnp.maximum(jnp.sum(noise), 1e-9)
        mixed = (1 - config.root_noise) * jnp.exp(logits) + config.root_noise * noise
        return jnp.where(valid, jnp.log(mixed), -jnp.inf)

    return jax.vmap(one)(keys, logits)


def search(
    params,
    agent: Agent,
    permutations: bases.SignedPermutation,
    state: State,
    keys: jax.Array,
) -> SearchResult:
    """Searches from a batch of states.

    Args:
      params: of the network.
      agent: static description.
      permutations: bank of signed permutations, leaves [P, 3, S].
      state: batch of states, leaves [B, ...].
      keys: raw random keys uint32 [B, 2], one for each game.
    """
    config = agent.config
    split = jax.vmap(
        lambda k: jax.random.key_data(jax.random.split(jax.random.wrap_key_data(k), 3))
    )
    root_keys, noise_keys, act_keys = jnp.moveaxis(split(keys), 1, 0)
    node, logits, value = _expand(params, agent, permutations, state, root_keys)
    if config.root_noise:
        logits = _add_root_noise(noise_keys, logits, config)

    def recurrent(params, _, action, node: Node):
        chosen = jax.vmap(lambda c, a: c[a])(node.candidates, action)
        step = jax.vmap(environment.step, in_axes=(0, 0, None))
        after, reward = step(node.state, chosen, agent.rules)
        reward = reward + environment.failure_penalty(node.state, after, agent.rules)
        next_node, logits, value = _expand(
            params, agent, permutations, after, _fold_in(node.key, action)
        )
        output = mctx.RecurrentFnOutput(
            reward=reward,
            discount=jnp.where(after.done, 0.0, 1.0),
            prior_logits=logits,
            value=value,
        )
        return output, next_node

    select = _select(config)
    tree = mctx.search(
        params,
        jax.random.key(0),  # unused: see the module's docstring
        root=mctx.RootFnOutput(prior_logits=logits, value=value, embedding=node),
        recurrent_fn=recurrent,
        root_action_selection_fn=select,
        interior_action_selection_fn=select,
        num_simulations=config.simulations,
        max_depth=agent.rules.max_moves,
    )
    summary = tree.summary()
    policy = improved_policy(summary.visit_counts, config.visits_reference)
    acting = policy
    if config.drop_worse:
        acting = acting_policy(policy, summary.visit_counts, summary.qvalues)
    choose = jax.vmap(lambda k, p: jax.random.categorical(jax.random.wrap_key_data(k), jnp.log(p)))
    return SearchResult(
        candidates=node.candidates,
        policy=policy,
        chosen=choose(act_keys, acting).astype(jnp.int32),
        value=summary.value,
        num_distinct=jnp.sum(~_is_merged(logits), axis=-1, dtype=jnp.int32),
        depth=_mean_depth(tree.parents),
    )


def _mean_depth(parents: jax.Array) -> jax.Array:
    """Mean depth [B] of the expanded nodes of a tree with parents int32 [B, N] (-1 for none)."""

    def one(parents):
        def body(i, depth):
            return depth.at[i].set(jnp.where(parents[i] >= 0, depth[parents[i]] + 1, 0))

        depth = jax.lax.fori_loop(1, parents.shape[0], body, jnp.zeros(parents.shape, jnp.int32))
        return jnp.sum(depth) / jnp.maximum(jnp.sum(depth > 0), 1)

    return jax.vmap(one)(parents)
