#!/bin/bash
#SBATCH --job-name=alphatensor
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=16
#SBATCH --signal=TERM@120
#SBATCH --requeue
# sbatch --nodes=4 experiments/launch/slurm.sh CONFIG FOLDER
# One process for each node drives all its GPUs. Two minutes before the time limit every process
# gets SIGTERM and stores a checkpoint; the job that is queued again goes on from there.
set -euo pipefail
config=${1:?CONFIG}
folder=${2:?FOLDER on a shared file system}
srun --kill-on-bad-exit=1 python -m experiments.train --config="$config" \
    --config.output="$folder" --coordinator=auto "${@:3}"
