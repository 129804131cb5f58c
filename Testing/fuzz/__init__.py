"""Spoilt files by the thousand: whatever a reader is given, it answers with a volume or with one sentence.

    python -m Testing.fuzz --cases 10000 --seed 1          all kinds of files, in child processes
    python -m Testing.fuzz --seed 1 --case 4711 --keep F   one case again, its files kept in the folder F

`samples` makes small sound files, `harm_*` spoil them, `cases` puts both together from a seed and a number, `judge`
reads one case and says whether the answer was allowed, `child` works through many, `__main__` watches the children.
"""
