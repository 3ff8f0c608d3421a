"""Which devices a run uses; called before JAX starts its backends."""

import os

import jax


def use_all_cores(most: int = 8) -> None:
    """On a CPU, makes one JAX device of each core, up to a power of two of at most `most`.

    Games and batches are shared among devices; on a CPU this keeps every core busy where the
    arithmetic of a small network is too little to be split inside an operation. Other platforms
    are left as they are, and so is a number of CPU devices that the user has set.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    is_set = "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", "")
    if not is_set and jax.config.jax_num_cpu_devices < 1:
        jax.config.update("jax_num_cpu_devices", 1 << (min(cores or 1, most).bit_length() - 1))
