"""Read by every worker process of a local cluster at its start."""

import signal


def dask_setup(worker) -> None:
    """Ctrl-C is for whoever commands the batch, who then stops the workers in good order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
