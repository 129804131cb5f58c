"""A batch that survives the night, rehearsed.

python -m Testing.soak [--series 200] [--workers 2] [--kill-every 3] [--kill-batch 3]
    denoises synthetic series undisturbed, then again while worker processes are killed at random (kill -9) and the
    whole batch is killed and resumed several times; compares all outputs, records and logs. Exit status 0: identical.
python -m Testing.soak machines
    the same on a Dask scheduler with workers of its own, all of which are killed at random, the scheduler too.
python -m Testing.soak throughput [--models median,nlm,rddm-balanced]
    the same series with one worker and with two.
"""
