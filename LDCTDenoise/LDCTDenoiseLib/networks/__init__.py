"""Networks, pure torch. They see numbers in [−1, 1], never HU."""

from .daclip import DACLIP
from .dadiff import DADiffUNet
from .rddm import RDDMUNet
from .residual_diffusion import STARTS, Schedule, noisy_state, sample_residual_diffusion
from .scan_choice import chosen_scan
from .selective_scan import selective_scan

__all__ = [
    "DACLIP",
    "STARTS",
    "DADiffUNet",
    "RDDMUNet",
    "Schedule",
    "chosen_scan",
    "noisy_state",
    "sample_residual_diffusion",
    "selective_scan",
]
