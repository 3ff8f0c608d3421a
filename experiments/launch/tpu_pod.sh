#!/bin/bash
# experiments/launch/tpu_pod.sh NAME ZONE CONFIG FOLDER [FLAGS]
# Runs the same command on every worker of a TPU pod slice that exists already and on which the
# package is installed (pip install '.[tpu]'), in the folder alphatensor where a worker has one.
# FOLDER is a folder that all workers mount.
set -euo pipefail
name=${1:?NAME of the slice}
zone=${2:?ZONE}
config=${3:?CONFIG}
folder=${4:?FOLDER on a shared file system}
command="if [ -d alphatensor ]; then cd alphatensor; fi; python -m experiments.train --config=$config --config.output=$folder"
gcloud compute tpus tpu-vm ssh "$name" --zone="$zone" --worker=all \
    --command="$command --coordinator=auto ${*:5}"
