"""Models as data: cards, the weights beside them, and the import of the authors' checkpoints.

PyTorch is imported only when weights are read or written: listing models needs none.
"""

from .cards import Card
from .checkpoints import import_checkpoint
from .home import user_folder
from .store import availability, find_card, list_cards, list_models, load_state_dict, save_weights

__all__ = [
    "Card",
    "availability",
    "find_card",
    "import_checkpoint",
    "list_cards",
    "list_models",
    "load_state_dict",
    "save_weights",
    "user_folder",
]
