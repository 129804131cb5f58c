"""The example for SLURM, with commands that only look like SLURM's: jobs are started on this machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from batch_factory import tree_of
from cluster_factory import environment

pytest.importorskip("distributed")
pytest.importorskip("cryptography")
dask_jobqueue = pytest.importorskip("dask_jobqueue", reason="the example needs dask-jobqueue")

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "slurm_batch.py"
SBATCH = """#!/bin/sh
cp "$1" {folder}/job-$$.sh
setsid sh {folder}/job-$$.sh >/dev/null 2>&1 </dev/null &
echo "Submitted batch job $!"
"""
NOTE = "Note: No worker has come to the scheduler yet; the series wait for one.\n"
SCANCEL = '#!/bin/sh\nkill -TERM -- "-$1" 2>/dev/null\nexit 0\n'


@pytest.mark.skipif(os.name == "nt", reason="shell scripts stand for SLURM")
def test_the_example_asks_slurm_for_workers_and_does_the_batch_with_them(tmp_path):
    tree_of(tmp_path / "in", 2)
    for name, script in (("sbatch", SBATCH.format(folder=tmp_path)), ("scancel", SCANCEL)):
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    env = environment(
        PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}", DASK_JOBQUEUE__SLURM__INTERFACE="lo", HOME=str(tmp_path)
    )
    packages = Path(dask_jobqueue.__file__).parents[1]
    env["PYTHONPATH"] += f"{os.pathsep}{packages}"
    words = [sys.executable, str(EXAMPLE), str(tmp_path / "in"), str(tmp_path / "out"), "--model", "gaussian"]
    done = subprocess.run(
        words, env=env, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, NOTE)
    log = (tmp_path / "out" / "batch.csv").read_text(encoding="utf-8-sig")
    assert log.count(",gaussian,done,") == 2
    job = next(tmp_path.glob("job-*.sh")).read_text()
    assert "#SBATCH --gres=gpu:1" in job and "tls://" in job
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".dask")], "the keys went with the batch"
