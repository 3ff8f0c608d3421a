"""Games on sums of a few terms of algorithms that are held already.

Any k terms of an algorithm sum to a tensor of rank at most k whose factors span at most k
dimensions in each mode. In bases of these spans it fits k×k×k, whatever the format of the
algorithm, so one small network plays on the algorithms of every format. A game that ends in fewer
than k moves shortens its algorithm; one that ends in k other moves leads to another algorithm of
the same rank (a flip is the case of two terms that share a factor). Some games may take one move
more than they have terms: such detours lead out of algorithms whose neighbours are all as long.
Walks start from the naive algorithm, so that nothing but the agent's play enters. It is not in
Fawzi et al. 2022.

Over the integers terms keep the entries of the game: a game whose terms have others when they are
put back, or whose sum cannot be compressed, changes nothing (`compression.py`). In the shapes below
W is a number of walks, R the greatest number of terms, D the greatest length of a factor, k the
greatest number of terms of a neighbourhood and S its side, at least k. Terms are factors [3, D];
unused terms are zero.
"""

import functools
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from alphatensor.agent import actions, bases, demonstrations, environment, replay, search
from alphatensor.agent.agent import Agent, Constants
from alphatensor.agent.compression import Neighbourhood, draw_neighbourhood, expand, fits
from alphatensor.rings import Ring

SOURCES = ("demonstrations", "terms")


class Walks(NamedTuple):
    """Algorithms that walk, of one or several targets.

    Attributes:
      terms: int8 [W, R, 3, D], R at least k.
      target: int32 [W], index of the target that each of them decomposes.
    """

    terms: jax.Array
    target: jax.Array


class Outcomes(NamedTuple):
    """Counts of games by the number of terms they started from, float32 [k + 1] each.

    Attributes:
      games: all.
      solved: those that ended with nothing left.
      changed: those that ended with other terms than they began with.
      shorter: those that ended with fewer.
      longer: those that ended with one more.
    """

    games: jax.Array
    solved: jax.Array
    changed: jax.Array
    shorter: jax.Array
    longer: jax.Array


def ranks(walks: Walks) -> jax.Array:
    """Returns the number of terms of each algorithm, int32 [W]."""
    return jnp.sum(~actions.is_null(walks.terms), axis=-1, dtype=jnp.int32)


def best_ranks(walks: Walks) -> jax.Array:
    """Returns the least number of terms of all algorithms of each walk's target, int32 [W]."""
    is_same = walks.target[:, None] == walks.target
    return jnp.min(jnp.where(is_same, ranks(walks), jnp.iinfo(jnp.int32).max), axis=1)


def merge_pair(terms: jax.Array, ring: Ring, largest: int) -> jax.Array:
    """Merges the first two terms of an algorithm [R, 3, D] that share two factors into one.

    Over the integers only where no entry is above `largest` afterwards.

    Terms with a zero factor become zero throughout, so an algorithm with a term that cancels
    another loses both. Mod p > 2 terms count as sharing a factor where it is the same, not where it
    is a multiple: canonical terms differ in w alone by scale.
    """
    terms = jnp.where(actions.is_null(terms)[:, None, None], 0, terms)
    is_used = ~actions.is_null(terms)
    count = terms.shape[0]
    same = jnp.all(terms[:, None] == terms[None], axis=-1)
    is_pair = is_used[:, None] & is_used & (jnp.arange(count)[:, None] < jnp.arange(count))
    mergeable = is_pair & (jnp.sum(same, axis=-1) >= 2)
    if not ring.is_modular:
        # The modes that stay need not fit, nor those of equal terms but for w.
        stays = same.at[..., 2].set(same[..., 2] & ~jnp.all(same, axis=-1))
        mergeable &= jnp.all(stays | fits(terms[:, None] + terms, ring, largest), axis=-1)
    first, second = jnp.divmod(jnp.argmax(mergeable), count)
    equal = same[first, second]
    mode = jnp.where(jnp.all(equal), 2, jnp.argmin(equal))
    total = ring.reduce(terms[first, mode].astype(jnp.int32) + terms[second, mode])
    merged = terms.at[first, mode].set(total.astype(jnp.int8)).at[second].set(0)
    terms = actions.canonical(jnp.where(mergeable[first, second], merged, terms), ring)
    return jnp.where(actions.is_null(terms)[:, None, None], 0, terms)


def play(
    params,
    agent: Agent,
    constants: Constants,
    drawn: Neighbourhood,
    num_moves: jax.Array,
    keys: jax.Array,
):
    """Plays one game on each of a batch of neighbourhoods, leaves [B, ...].

    Moves are drawn from the policy, or chosen by the search with `NeighbourhoodConfig.has_search`.

    Args:
      params: parameters of the network.
      agent: the agent.
      constants: arrays of the run.
      drawn: the neighbourhoods.
      num_moves: int32 [B], how many moves each game may take, at most k.
      keys: one random key for each game, [B].

    Returns:
      (moves int8 [B, k, 3, S], zero after the end; solved bool [B]).
    """
    config, game = agent.config.neighbourhood, agent.game
    support = jnp.ones((3, config.side), bool)

    def start(local, num_moves):
        state = environment.reset(actions.sum_of(local, game.ring), support, game)
        return state._replace(num_moves=game.config.max_moves - num_moves)

    def move(states, index):
        move_keys = jax.vmap(jax.random.fold_in, in_axes=(0, None))(keys, index)
        if config.has_search:
            result = search.search(params, agent, constants.permutations, states, move_keys)
            chosen = jax.vmap(lambda c, a: c[a])(result.candidates, result.chosen)
        else:
            chosen = _sample(params, agent, states, move_keys)
        after, _ = environment.step(states, chosen, game)
        return after, jnp.where(states.done[:, None, None], 0, chosen)

    states = jax.vmap(start)(drawn.local, num_moves)
    end, moves = jax.lax.scan(move, states, jnp.arange(config.max_terms))
    return jnp.moveaxis(moves, 0, 1), end.solved


def _sample(params, agent: Agent, states: environment.State, keys: jax.Array) -> jax.Array:
    """Draws an action int8 [B, 3, S] of the policy for each state."""
    shape = (1, agent.vocabulary.num_tokens)
    uniforms = jax.vmap(lambda key: jax.random.uniform(key, shape))(keys)
    seen = jax.vmap(functools.partial(environment.observe, game=agent.game))(states)
    tokens = agent.network.sample(params, seen, uniforms).tokens[:, 0]
    return actions.canonical(actions.from_tokens(tokens, agent.vocabulary), agent.game.ring)


def _is_other(terms: jax.Array, others: jax.Array) -> jax.Array:
    """Says whether two lists of terms [k, 3, D] differ as sets of canonical terms; bool []."""
    same = jnp.all(terms[:, None] == others[None], axis=(-2, -1))
    return ~(jnp.all(jnp.any(same, axis=1)) & jnp.all(jnp.any(same, axis=0)))


def step(
    params,
    agent: Agent,
    constants: Constants,
    walks: Walks,
    longest: jax.Array,
    keys: jax.Array,
) -> tuple[Walks, Outcomes]:
    """Plays one game in a neighbourhood of each algorithm and takes up what was solved.

    A walk depends on its own random key of `keys` [W] alone. Algorithms shorter than `longest`,
    int32 [W], may become longer by one term.
    """
    config, ring = agent.config.neighbourhood, agent.game.ring
    largest = max(agent.vocabulary.entries)
    draw_keys, detour_keys, play_keys = jax.vmap(lambda k: jax.random.split(k, 3), out_axes=1)(keys)
    draw = functools.partial(draw_neighbourhood, config=config, ring=ring)
    drawn = jax.vmap(draw)(draw_keys, walks.terms)
    has_room = ranks(walks) < jnp.minimum(longest, walks.terms.shape[1])
    is_detour = jax.vmap(lambda key: jax.random.bernoulli(key, config.detour))(detour_keys)
    is_detour = is_detour & has_room & (drawn.size < config.max_terms)
    moves, solved = play(params, agent, constants, drawn, drawn.size + is_detour, play_keys)
    new = jax.vmap(functools.partial(expand, ring=ring))(moves, drawn)
    solved &= drawn.is_compressed & jnp.all(fits(new, ring, largest), axis=(-2, -1))
    new = actions.canonical(new, ring).astype(jnp.int8)
    num_new = jnp.sum(~actions.is_null(new), axis=-1)
    is_shorter, is_longer = solved & (num_new < drawn.size), solved & (num_new > drawn.size)
    is_changed = solved & (jax.vmap(_is_other)(new, drawn.terms) | is_shorter)

    def take_up(terms, drawn, new, is_changed):
        is_meant = jnp.arange(config.max_terms) < drawn.size
        taken = jnp.where(is_meant, drawn.index, terms.shape[0])  # others lie outside: dropped
        rest = terms.at[taken].set(0, mode="drop")
        # The stable order puts the unused places first: new terms go there.
        places = jnp.argsort(~actions.is_null(rest))[: config.max_terms]
        kept = jnp.where(actions.is_null(new)[:, None, None], rest[places], new)
        return merge_pair(jnp.where(is_changed, rest.at[places].set(kept), terms), ring, largest)

    terms = jax.vmap(take_up)(walks.terms, drawn, new, is_changed)
    sizes = jax.nn.one_hot(drawn.size, config.max_terms + 1)
    each = (jnp.ones_like(solved), solved, is_changed, is_shorter, is_longer)
    counts = [jnp.sum(sizes * x[:, None], axis=0) for x in each]
    return walks._replace(terms=terms), Outcomes(*counts)


def restart(walks: Walks, key: jax.Array, probability: float) -> Walks:
    """Lets algorithms above the best rank of their target go on from one of the best.

    Each does so with the given probability.
    """
    source_key, restart_key = jax.random.split(key)
    rank, best = ranks(walks), best_ranks(walks)
    is_source = (walks.target[:, None] == walks.target) & (rank == best)
    source = jax.random.categorical(source_key, jnp.where(is_source, 0.0, -jnp.inf))
    is_restarted = (rank > best) & jax.random.bernoulli(restart_key, probability, rank.shape)
    terms = jnp.where(is_restarted[:, None, None, None], walks.terms[source], walks.terms)
    return walks._replace(terms=terms)


def draw_examples(
    keys: jax.Array, walks: Walks, share: jax.Array, agent: Agent
) -> tuple[replay.Example, jax.Array]:
    """Draws examples to learn from, one for each key.

    With probability `share` an example is a position on the way through the terms of a
    neighbourhood in a random order, otherwise one through a demonstration.

    Returns:
      (examples [B, ...], number of the source of each in `SOURCES`, int32 [B]).
    """
    config, game = agent.config.neighbourhood, agent.game
    support, largest = jnp.ones((3, config.side), bool), max(agent.vocabulary.entries)

    def of_terms(key):
        walk_key, draw_key, order_key = jax.random.split(key, 3)
        place = jax.random.randint(walk_key, (), 0, walks.target.shape[0])
        drawn = draw_neighbourhood(draw_key, walks.terms[place], config, game.ring)
        is_meant = jnp.arange(config.max_terms) < drawn.size
        noise = jax.random.uniform(order_key, is_meant.shape)
        order = jnp.argsort(jnp.where(is_meant, noise, 2.0))
        can_be_played = drawn.is_compressed & jnp.all(fits(drawn.local, game.ring, largest))
        return actions.canonical(drawn.local[order], game.ring), drawn.size, can_be_played

    def of_demonstration(key):
        demonstration = demonstrations.sample(
            key, support, agent.config.demonstrations, agent.vocabulary.entries, game.ring
        )
        missing = config.max_terms - demonstration.factors.shape[0]
        return jnp.pad(demonstration.factors, ((0, missing), (0, 0), (0, 0))), demonstration.rank

    def one(key):
        source_key, terms_key, position_key = jax.random.split(key, 3)
        *of_walk, can_be_played = of_terms(terms_key)
        pairs = zip(of_demonstration(terms_key), of_walk, strict=True)
        is_terms = jax.random.bernoulli(source_key, share) & can_be_played
        terms, count = (jnp.where(is_terms, b, a) for a, b in pairs)
        return _position(position_key, terms, count, agent), is_terms.astype(jnp.int32)

    chex.assert_rank(keys, 1)
    return jax.vmap(one)(keys)


def _position(key: jax.Array, terms: jax.Array, count: jax.Array, agent: Agent) -> replay.Example:
    """Returns a random position of the game that plays the first `count` of terms [k, 3, S]."""
    game, num_actions = agent.game, agent.config.learner.actions_per_state
    index = jax.random.randint(key, (), 0, count)
    support = jnp.ones((3, terms.shape[-1]), bool)
    start = actions.sum_of(terms, game.ring)
    state = environment.position(start, support, terms, index, game)
    remaining = count - index
    state = state._replace(num_moves=game.config.max_moves - remaining)
    following = index + jnp.arange(num_actions) % remaining
    value = -remaining.astype(jnp.float32)
    here = bases.identity(agent.game.side).inverse
    return replay.Example(state, terms[following], jnp.array(True), value, here)
