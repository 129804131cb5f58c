"""What each piece of the way through a GPU gains there, in one run: for the hour in which a card is at hand.

`python -m Testing.card` says for every network, way and batch the milliseconds a slice and the difference in HU from
plain float32 on the processor; then the same for a whole volume, with its stages one after the other and overlapped.
What is quicker than it was belongs in the code, what is not belongs out of it. `--device cpu` tries the command itself.
"""
