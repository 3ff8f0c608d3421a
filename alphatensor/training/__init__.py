"""Runs: the agent's from configuration to results, and the searches beside it.

The modules::

    config, settings   every field of a run; what a configuration becomes for its targets
    devices            the mesh of devices, the processes of a run
    memory_check       refuses what cannot fit before it is allocated
    doors              what is verified where algorithms from outside enter
    state              Snapshot: all that a run knows; Report: what one iteration did
    programs           the compiled functions over the mesh
    loop               learn, act, store, report
    discoveries        games as verified algorithms, and which are new
    external_games     algorithms of a library or of flip-graph walks as games
    runtime_reward     pay for algorithms whose kernels run fast here
    runner             a run in its folder: `train` and `Run`
    run_folder, curves, checkpoints, progress, interrupts, status
    play               games with a trained agent, without learning
    demonstrate        what is learnt from, beside the positions of games
    ablation           the same run with one part of the agent left out at a time
    planning, chips    what a run costs before it is started
    flip_search        flip-graph search over formats with a library
    refine, tailor     cheaper algorithms of the same rank; faster kernels of one algorithm

Files are known here, in `targets`, `factorization.io`, `factorization.library` and `kernels`;
clocks are known here and in `kernels`.
"""

from alphatensor.lazy import attach

_HOMES = {
    "Outcome": "runner",
    "Run": "runner",
    "RunConfig": "config",
    "RunError": "runner",
    "train": "runner",
}

__all__ = list(_HOMES)

__getattr__, __dir__ = attach(__name__, _HOMES)
