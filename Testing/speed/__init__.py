"""How quick the software is: beside another checkout of itself, and as the work grows.

python -m Testing.speed against FOLDER [--rounds 5] [--slices 16] [--series 100] [--models A,B,…] [--csv FILE]
    the library of another checkout, such as one from before a change, beside that of this one, in one run: each model,
    file to file, reading, writing, start, memory. Both do the same work in turn, each time in a new process. Exit
    status 1, and a sentence, for whatever has become slower by more than its scatter, takes more memory or gives other
    HU.
python -m Testing.speed growth [--picture FILE.png] [--csv FILE]
    cost and memory against slices (up to 2,000), matrix size and draws, file to file; a straight line and an exponent
    for each. Exit status 1, and a sentence, for whatever grows faster than the work.

What is measured are the library's public faces alone: the command, and from Python `read_volume`, `write_volume` and
`WarmModel`.
"""
