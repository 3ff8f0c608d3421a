"""A scheduler of flip-graph walks over many formats, with a library as its memory.

Each *turn* takes a format (`choices`), starts walkers, walks for some seconds and stores what beats
the memory at once. Over Z2 and Z3 it also stores what lifts to the integers; over the integers
walks keep to the entries -1, 0 and 1. Schemes to go on from are kept in the memory's pools after
each turn, so that a search that was stopped goes on. There are four kinds of turns:

* `descent` starts above the best rank, since the best schemes may lie in a component of the flip
  graph without better ones. It starts from another origin each time: neighbouring formats extended
  and projected, two formats glued or multiplied, schemes that keep a symmetry, Strassen's algorithm
  on pairs of indices, trilinear aggregation, or the naive algorithm.
* `best` starts from the best schemes known.
* `symmetric` walks among schemes that keep one of the format's symmetries, each in turn.
* `integers` walks over the integers, in a search over Z2 or Z3 whose best schemes do not lift.
"""

import collections
import itertools
from collections.abc import Hashable, Iterator

from alphatensor import rings, targets
from alphatensor.factorization import Factorization, naive, reduce_mod
from alphatensor.flip_graph import budgets, origins, pools, walks
from alphatensor.flip_graph.bitmasks import is_ternary
from alphatensor.flip_graph.budgets import Clock
from alphatensor.flip_graph.choices import TurnPlan, choose_turn
from alphatensor.flip_graph.config import FlipSearchConfig
from alphatensor.flip_graph.lifts import FAMILY, LiftCache
from alphatensor.flip_graph.origins import Sizes
from alphatensor.flip_graph.search_state import DESCENT, Descent, Memory, SearchState, pool_name
from alphatensor.flip_graph.symmetries.swap import RELAXED
from alphatensor.flip_graph.turns import Turn, provenance, said
from alphatensor.flip_graph.walks import Walked

KEPT = 32  # symmetric schemes of each format
LIFTING = 0.25  # of the time of a turn goes into finding schemes that lift to go on from
TOLD_APART = 0.15  # of the time of a turn, walks tell the schemes apart that a descent starts from


def search(
    formats: list[Sizes],
    memory: Memory,
    config: FlipSearchConfig,
    clock: Clock,
    seconds: float,
) -> Iterator[Turn]:
    """Takes turns until the seconds are over, yielding after each.

    Schemes of an earlier search are found in the memory, so a search that was stopped goes on.
    Errors of the memory are raised.

    Args:
      formats: sizes in increasing order.
      memory: where results go.
      config: constants of the search.
      clock: for example `time.monotonic`.
      seconds: time of the whole search.
    """
    state = SearchState(config=config, memory=memory, clock=clock, lifts=LiftCache(clock))
    begin = clock()
    for number in itertools.count():
        left = seconds - (clock() - begin)
        if left <= 0:
            return
        choice = choose_turn(state, formats, number)
        before = state.rank(choice.asked)
        turn = take_turn(state, choice, min(config.slice_seconds, left))
        asked = state.formats[choice.asked]
        asked.turns, asked.last = asked.turns + 1, number
        asked.idle = 0 if state.rank(choice.asked) < before else asked.idle + 1
        yield turn


def take_turn(state: SearchState, choice: TurnPlan, seconds: float) -> Turn:
    """Starts, walks for some seconds, and keeps what was found."""
    if choice.kind == "integers":
        return walk_integers(state, choice, seconds)
    begin, config, sizes = state.clock(), state.config, choice.sizes
    near = origins.neighbours(sizes, state.schemes_of)
    near |= origins.sums(sizes, state.schemes_of, state.ring)
    near |= origins.products(sizes, state.schemes_of)
    near |= origins.by_rule(sizes, state.ring, config.origins)
    if origins.CONTRACTION in config.origins:
        near |= origins.contractions(sizes, state.schemes_of)
    if origins.COPIES in config.origins:
        near |= origins.copies(sizes, state.schemes_of)
        if state.ring.is_modular:
            near |= origins.copies(sizes, state.residues_of, of="integers")
    near = {x: held for x, fs in near.items() if (held := list(filter(is_ternary, fs)))}
    known = known_schemes(state, sizes, near)
    descent = start_of(state, choice, known, near, seconds)
    walked = walks.walk(
        descent.starts,
        config,
        budgets.after_seconds(state.clock, seconds),
        config.seed + choice.number,
        held=descent.walkers,
        symmetry=choice.symmetry,
    )
    walked = walked._replace(
        schemes=[f.replace(provenance={FAMILY: choice.family}) for f in walked.schemes]
    )
    lifting = settle(state, choice, descent, walked, known, seconds)
    keep_pools(state, choice, walked)
    elapsed = state.clock() - begin
    state.formats[sizes].seconds += elapsed
    stored = store(state, sizes, lifting, provenance_of(state, choice))
    return Turn(
        target=sizes,
        kind=choice.family,
        reached=walked.schemes[0].rank,
        rank=state.formats[sizes].pool[0].rank,
        flips=walked.flips,
        seconds=elapsed,
        stored=stored,
    )


def walk_integers(state: SearchState, choice: TurnPlan, seconds: float) -> Turn:
    """Walks over the integers from the best schemes known there, in a search over Z2 or Z3."""
    begin, config, sizes, ring = state.clock(), state.config, choice.sizes, rings.Integers()
    here = state.formats[sizes]
    near = origins.neighbours(sizes, state.integers_of)
    known = [naive(sizes, ring), *state.held(sizes, ring), *itertools.chain(*near.values())]
    known = pools.least_rank(here.integers + known, config.pool)
    stop = budgets.after_seconds(state.clock, seconds)
    walked = walks.walk(known, config, stop, config.seed + choice.number)
    here.integers = pools.least_rank(walked.schemes + known, config.pool)
    state.memory.keep_pool(sizes, pool_name(ring), here.integers)
    residues = [reduce_mod(f, state.ring.modulus) for f in here.integers]
    here.pool = pools.least_rank(
        here.pool + known_schemes(state, sizes, {}) + residues, config.pool
    )
    elapsed = state.clock() - begin
    here.seconds += elapsed
    found = here.integers[0].replace(provenance=provenance_of(state, choice))
    return Turn(
        target=sizes,
        kind=choice.family,
        reached=walked.schemes[0].rank,
        rank=here.pool[0].rank,
        flips=walked.flips,
        seconds=elapsed,
        stored=said([state.memory.add(credited(state, sizes, found))]),
    )


def keep_pools(state: SearchState, choice: TurnPlan, walked: Walked) -> None:
    """Keeps in the memory what the next search goes on from."""
    here, sizes, symmetry = state.formats[choice.sizes], choice.sizes, choice.symmetry
    words = [symmetry] if symmetry else []

    def keep(schemes: list[Factorization], *words: object) -> None:
        state.memory.keep_pool(sizes, pool_name(state.ring, *words), schemes)

    keep(here.pool)
    if symmetry:
        keep(here.symmetric[symmetry], symmetry)
    if choice.kind != "best":
        keep(walked.schemes[:KEPT] if symmetry in here.descents else [], DESCENT, *words)


def known_schemes(
    state: SearchState, sizes: Sizes, near: dict[Hashable, list[Factorization]]
) -> list[Factorization]:
    """Returns the schemes of least rank known for a format.

    Args:
      state: state of the search.
      sizes: sizes of the format.
      near: schemes brought from other formats, by origin.
    """
    pool = state.formats[sizes].pool
    known = [naive(sizes, state.ring), *state.held(sizes), *itertools.chain(*near.values())]
    return pools.least_rank(pool + known, state.config.pool)


def start_of(
    state: SearchState,
    choice: TurnPlan,
    known: list[Factorization],
    near: dict[Hashable, list[Factorization]],
    seconds: float,
) -> Descent:
    """Returns the descent that goes on, or the schemes from which a new walk starts.

    Args:
      state: state of the search; a descent that goes on is taken out of it.
      choice: what the turn does.
      known: the best schemes of the format.
      near: schemes brought from other formats, by origin.
      seconds: time of the turn, of which `TOLD_APART` may be spent here.
    """
    if choice.kind == "best":
        return Descent(starts=known)
    here, symmetry = state.formats[choice.sizes], choice.symmetry
    if earlier := here.descents.pop(symmetry, None):
        return earlier
    if symmetry:
        possible = symmetry.origins(state.keeping, state.schemes_of)
        possible = possible or {None: [symmetry.generators(state.ring)]}
    else:
        kept = {x: origins.permuted(fs, choice.sizes) for x, fs in here.symmetric.items()}
        possible = near | kept | {None: [naive(choice.sizes, state.ring)]}
        possible = {
            x: fs
            for x, fs in possible.items()
            if (fs[0].rank > known[0].rank or origins.is_aggregated(x))
            and origins.kind_of(x, choice.sizes) in state.config.origins
        }
    if not possible:
        return Descent(starts=known)
    ranks = {x: (symmetry.expand(fs[0]) if symmetry else fs[0]).rank for x, fs in possible.items()}
    if symmetry and symmetry.flips_fixed_terms:  # from here walks get furthest
        ranks |= {x: 0 if x is None else -1 for x in ranks if x is None or x[0] == RELAXED}
    origin = next_origin(ranks, here.descended[symmetry])
    if symmetry is None and origins.part_of(origin):
        walked = starts_of_walked(state, choice, origin, TOLD_APART * seconds)
        return Descent(starts=walked or possible[origin])
    return Descent(starts=possible[origin])


def starts_of_walked(
    state: SearchState, choice: TurnPlan, origin: Hashable, seconds: float
) -> list[Factorization]:
    """Returns the schemes of an origin, made after walks at the rank of the format they come from.

    So each walker starts from another scheme, and few of them lead to the lowest ranks. Over the
    integers there may be none, where projections have other entries than -1, 0 and 1.
    """
    part, of = origins.part_of(origin), origin[3] if origins.is_copy(origin) else ""
    known = state.residues_of(part) if of else state.schemes_of(part)
    stop = budgets.after_seconds(state.clock, seconds)
    schemes = walks.walk(known, state.config, stop, state.config.seed + choice.number).schemes
    if not of:
        pool = pools.least_rank(schemes + known, state.config.pool)
        state.formats[part].pool = pool
        state.memory.keep_pool(part, pool_name(state.ring), pool)
        found = pool[0].replace(provenance=provenance_of(state, choice))
        state.memory.add(credited(state, part, found))

    def walked_of(sizes: Sizes) -> list[Factorization]:
        return schemes if sizes == part else []

    if origins.is_copy(origin):
        made = origins.copies(choice.sizes, walked_of, of)
    else:
        made = origins.neighbours(choice.sizes, walked_of)
    return list(filter(is_ternary, made[origin]))


def next_origin(ranks: dict[Hashable, int], used: collections.Counter) -> Hashable:
    """Returns the origin from which a descent starts.

    Each origin is taken half as often as the one of next lower rank; pairs of indices and
    aggregation, from which walks get furthest though their ranks are high, count as the lowest, and
    so do all copies, whose ranks do not tell how far walks get.

    Args:
      ranks: of the first scheme of each origin; there is at least one.
      used: how often each origin was taken; the one taken now is counted.
    """
    is_first = {x: x == origins.PAIRS or origins.is_aggregated(x) for x in ranks}
    order = sorted(ranks, key=lambda x: (not is_first[x], ranks[x]))
    copies = [x for x in order if origins.is_copy(x)]
    place = {x: k for k, x in enumerate(x for x in order if x not in copies)}
    chosen = min(copies + order, key=lambda origin: (used[origin] + 1) << place.get(origin, 0))
    used[chosen] += 1
    return chosen


def settle(
    state: SearchState,
    choice: TurnPlan,
    descent: Descent,
    walked: Walked,
    known: list[Factorization],
    seconds: float,
) -> list[Factorization]:
    """Brings what is known of a format up to date after a walk.

    What walks find from there on lifts far more often where the start does. So some time goes into
    lifts, and schemes that lift are preferred as starts of the next walks.

    Args:
      state: state of the search; it is changed.
      choice: what the turn does.
      descent: from where it walked.
      walked: what the walk found.
      known: the best schemes known before.
      seconds: time of the turn, of which `LIFTING` may be spent here.

    Returns:
      Schemes of the walk that are known to lift.
    """
    config, lifts, symmetry = state.config, state.lifts, choice.symmetry
    here, found = state.formats[choice.sizes], walked.schemes
    reached, lifting = found[0].rank, []
    is_lower = descent.rank is None or reached < descent.rank
    after = Descent(
        starts=descent.starts,
        walkers=walked.walkers,
        rank=reached,
        idle=0 if is_lower else descent.idle + 1,
    )
    if symmetry:
        kept = pools.least_rank(found + here.symmetric.get(symmetry, []), config.pool)
        lifting = lifts.lifting(kept, LIFTING * seconds)
        here.symmetric[symmetry] = lifts.promising(kept, lifting)[:KEPT]
    elif choice.kind == "descent" and is_lower:
        lifting = lifts.lifting(found, LIFTING * seconds)
        if lifting:
            after = after._replace(starts=lifting, walkers=None)
    is_above = symmetry is not None or reached > known[0].rank
    if choice.kind != "best" and after.idle < config.idle_turns and is_above:
        here.descents[symmetry] = after
    found = origins.permuted(found, choice.sizes)
    here.pool = pools.least_rank(found + known, config.pool)
    return lifting


def provenance_of(state: SearchState, choice: TurnPlan) -> dict:
    """Returns what is stored with every algorithm that a turn finds."""
    seconds = state.formats[choice.sizes].seconds
    return provenance(state.config, choice.number, seconds) | {FAMILY: choice.family}


def credited(state: SearchState, sizes: Sizes, f: Factorization) -> Factorization:
    """Returns what is stored for a scheme: what a rule gives is not called found."""
    by_rule = origins.by_rule(sizes, f.ring, state.config.origins)
    return min([*itertools.chain(*by_rule.values()), f], key=lambda g: g.rank)


def store(
    state: SearchState, sizes: Sizes, lifting: list[Factorization], origin: dict
) -> list[str]:
    """Adds the best of a format's pool to the memory, and over Z2 and Z3 its lifts.

    Args:
      state: state of the search; its `lifts` are filled: if a lift is of use, at least one scheme
        is tried that was not tried before.
      sizes: sizes of the format.
      lifting: schemes of the format known to lift, perhaps of higher rank.
      origin: provenance of what is stored.

    Returns:
      Lines that say what was kept and how many schemes lift.
    """
    pool, lifts, memory = state.formats[sizes].pool, state.lifts, state.memory
    lines = [memory.add(credited(state, sizes, pool[0].replace(provenance=origin)))]
    if not state.ring.is_modular:
        return said(lines)
    is_news, lifting, before = lines[0] is not None, lifting[:1], len(lifts)
    over_z = memory.best(sizes, rings.Integers())
    if is_news or over_z is None or over_z.rank > pool[0].rank:
        lifting = lifting + lifts.lifting(pool, state.config.slice_seconds)
    for f in lifting:
        family = f.provenance.get(FAMILY, "others")
        lifted = origin | {"lifted_from": state.ring.name, FAMILY: family}
        lines.append(
            memory.add(credited(state, sizes, lifts.lift_of(f).replace(provenance=lifted)))
        )
    if is_news or len(lifts) > before:
        of_pool = [f for f in pool if lifts.was_tried(f)]
        lines.append(
            f"{targets.format_name(sizes)}: of {len(pool)} schemes of rank {pool[0].rank} over "
            f"{state.ring}, {len(of_pool)} were tried and "
            f"{sum(not lifts.has_failed(f) for f in of_pool)} lift; by the turns "
            f"that found them: {lifts.shares(sizes)}."
        )
    return said(lines)
