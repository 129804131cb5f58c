"""Many series in one go: found below a folder, denoised one after the other or on many machines, and resumed."""
