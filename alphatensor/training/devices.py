"""Devices, processes and the mesh they form; called before anything is compiled."""

import contextlib
import os
import resource
import socket
import sys
import time

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from alphatensor.config import ConfigError

DATA = "data"  # the axis of the mesh over which games and batches are split
MODEL = "model"  # the axis over which parameters are split


def use_all_cores(most: int = 8) -> None:
    """Makes one JAX device of each core on a CPU, up to a power of two of at most `most`.

    Games and batches are shared among devices; on a CPU this keeps every core busy where the
    arithmetic of a small network is too little to be split inside an operation. Other platforms
    are left as they are, and so is a number of CPU devices that the user has set. Once JAX has
    begun to compute, which fixes the number of devices, nothing is changed.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    is_set = "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", "")
    if not is_set and jax.config.jax_num_cpu_devices < 1:
        with contextlib.suppress(RuntimeError):
            jax.config.update("jax_num_cpu_devices", 1 << (min(cores or 1, most).bit_length() - 1))


def join_processes(coordinator: str, processes: int, process: int, timeout: int) -> None:
    """Joins the processes of a run over several hosts; nothing to do for a single process.

    Args:
      coordinator: address `host:port` of process 0; `auto` finds it and the numbers from the
        cluster (TPU pods, Slurm, Open MPI, Kubernetes); empty for one process.
      processes: number of them.
      process: this one's number.
      timeout: seconds to wait for the others.

    Raises:
      ValueError: in one line, for arguments that do not fit or a coordinator out of reach.
    """
    if processes < 1:
        raise ValueError(f"--num_processes={processes}: expected at least 1.")
    if timeout < 1:
        raise ValueError(f"--connect_timeout={timeout}: expected at least 1 second.")
    if not coordinator:
        if processes > 1:
            raise ValueError(
                f"--num_processes={processes}: expected --coordinator=host:port as well."
            )
        if process:
            raise ValueError(f"--process_id={process}: expected 0 without --coordinator.")
        return
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    # A lost process must end the others within a minute.
    times = dict(initialization_timeout=timeout, heartbeat_timeout_seconds=30)
    if coordinator == "auto":
        try:
            jax.distributed.initialize(**times)
        except (ValueError, RuntimeError) as error:
            raise ValueError(f"--coordinator=auto: no cluster was recognised ({error}).") from None
        return
    host, _, port = coordinator.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise ValueError(f"--coordinator={coordinator!r}: expected host:port, or auto.")
    if not 0 <= process < processes:
        raise ValueError(f"--process_id={process}: expected 0 to {processes - 1}.")
    if process > 0:
        _await_coordinator(host, int(port), timeout)
    try:
        jax.distributed.initialize(coordinator, processes, process, **times)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"--coordinator={coordinator!r}: the {processes} processes did not meet within "
            f"{timeout} s ({reason})."
        ) from None


def _await_coordinator(host: str, port: int, timeout: int) -> None:
    """Waits for the coordinator; JAX's own wait would end the program without a reason."""
    end = time.monotonic() + timeout
    while True:
        try:
            socket.create_connection((host, port), timeout=5).close()
            return
        except OSError as error:
            if time.monotonic() >= end:
                raise ValueError(
                    f"--coordinator='{host}:{port}': not reached within {timeout} s ({error})."
                ) from None
            time.sleep(0.2)


def make_mesh(data: int, model: int) -> Mesh:
    """Returns a mesh of `data` × `model` devices; `data` = 0 takes all that there are.

    Raises:
      ValueError: if the product is not the number of devices.
    """
    devices = jax.device_count()
    if devices % model or (data and data * model != devices):
        shape = dict(data=data, model=model)
        raise ConfigError("mesh", shape, f"sizes whose product is the {devices} devices")
    return Mesh(np.array(jax.devices()).reshape(-1, model), (DATA, MODEL))


def replicated(mesh: Mesh) -> NamedSharding:
    """Returns the sharding of arrays that are the same on every device."""
    return NamedSharding(mesh, PartitionSpec())


def split_over_model(mesh: Mesh, shape: tuple[int, ...]) -> NamedSharding:
    """Returns the sharding over the model axis of an array's largest axis that it divides.

    Small arrays stay whole.
    """
    size = mesh.shape[MODEL]
    axes = [axis for axis, length in enumerate(shape) if length % size == 0]
    if size == 1 or not axes or np.prod(shape) < 4_096:
        return replicated(mesh)
    chosen = max(axes, key=lambda axis: shape[axis])
    spec = [MODEL if axis == chosen else None for axis in range(len(shape))]
    return NamedSharding(mesh, PartitionSpec(*spec))


def max_over_processes(values: np.ndarray) -> np.ndarray:
    """Returns the greatest of each value [n] over all processes, float64, the same on all."""
    if jax.process_count() == 1:
        return np.asarray(values, np.float64)
    from jax.experimental import multihost_utils

    # Bytes, since float64 is off by default.
    mine = np.frombuffer(np.asarray(values, np.float64).tobytes(), np.uint8)
    everyone = np.asarray(multihost_utils.process_allgather(mine))
    return np.frombuffer(everyone.tobytes(), np.float64).reshape(jax.process_count(), -1).max(0)


def peak_bytes() -> float:
    """Returns the most bytes used so far on the first device here, or by the process."""
    statistics = jax.local_devices()[0].memory_stats()
    if statistics and "peak_bytes_in_use" in statistics:
        return float(statistics["peak_bytes_in_use"])
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
