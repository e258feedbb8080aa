#!/bin/bash
# Renders a split as a job array: task N makes shards 16 N to 16 N + 15.
#   sbatch slurm.sh train
#   SHARDS=4 sbatch --array=0-124 slurm.sh train
#SBATCH --job-name=mmdgen
#SBATCH --array=0-31
#SBATCH --cpus-per-task=8
#SBATCH --mem-per-cpu=3G
#SBATCH --time=08:00:00
#SBATCH --requeue
set -euo pipefail
split=${1:-train}
shards=${SHARDS:-16}
first=$((SLURM_ARRAY_TASK_ID * shards))
exec mmdgen render --split "$split" --shards "$first:$((first + shards))" --workers "$SLURM_CPUS_PER_TASK"
