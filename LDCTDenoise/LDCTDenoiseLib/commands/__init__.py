"""The commands of `ldct-denoise`, one file each: `add_arguments(parser)` and `run(args, reporter)`."""
