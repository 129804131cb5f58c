"""Peak memory of `ldct-denoise denoise`, from file to file, at the size of the largest scans.

    python -m Testing.memory

makes a volume of 512×512×1000 as a DICOM series and as a volume file, and networks of the published sizes with random
weights, and runs the command on them, each row in a process of its own. Every slice goes the whole way; but the method
computes only the first ones, and what comes after is given back as it is: an hour of computing takes no more memory
than its first minute. `--every` has all of them computed.
"""
