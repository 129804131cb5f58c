"""A batch on a SLURM cluster: jobs come when there are series to do, and go when there are none.

    pip install "ldct-denoise[networks,cluster]" dask-jobqueue
    python slurm_batch.py INPUT_TREE OUTPUT_TREE --model rddm-balanced [any argument of ldct-denoise batch]

Run it where `sbatch` works, in tmux or under nohup, until it ends; after an interruption again, with --resume. Python,
both trees and the home folder must be the same on all machines. Change WORKER to what your cluster has. Connections are
encrypted with keys made for this run, so that nobody else on the cluster can reach the workers.
"""

import sys

import dask
from dask_jobqueue import SLURMCluster
from distributed import Security
from LDCTDenoiseLib.cli import main

JOBS = 8  # at most at the same time
WORKER = {
    "queue": "gpu",
    "job_extra_directives": ["--gres=gpu:1"],
    "job_cpu": 8,
    "job_script_prologue": ["export OMP_NUM_THREADS=8"],  # without it Dask sets 1
    "memory": "16GB",
    "walltime": "04:00:00",
    "cores": 2,  # series at a time: one is read or written while the other is computed
    "processes": 1,
    # a worker gives its work back before its time is over
    "worker_extra_args": ["--resources", "GPU=1", "--lifetime", "225m", "--lifetime-stagger", "5m"],
}
NEEDS = "GPU=0.5"  # of a series, since a worker with one GPU takes two


def run(arguments: list[str]) -> int:
    """The exit status of the batch."""
    keys = Security.temporary()
    tls = "distributed.comm.tls."
    ours = {
        tls + "ca-file": keys.tls_ca_file,
        tls + "client.cert": keys.tls_client_cert,
        tls + "client.key": keys.tls_client_key,
    }
    safe = {"security": keys, "protocol": "tls://", "scheduler_options": {"dashboard": False}}
    with dask.config.set(ours), SLURMCluster(**WORKER, **safe, shared_temp_directory="~") as cluster:
        cluster.adapt(minimum_jobs=1, maximum_jobs=JOBS)
        return main(["batch", *arguments, "--scheduler", cluster.scheduler_address, "--require", NEEDS])


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
