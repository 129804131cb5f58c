"""Networks, pure torch. They see numbers in [−1, 1], never HU."""

from .rddm import RDDMUNet

__all__ = ["RDDMUNet"]
