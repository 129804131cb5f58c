"""`ldct-denoise`: finds the command (a file in commands/), turns errors into one sentence and an exit status."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from .errors import Cancelled, InputError, does_not_load

DONE, DEFECT, BAD_INPUT, CANCELLED = 0, 1, 2, 130
DEBUG = "LDCT_DENOISE_DEBUG"  # set to anything: a defect shows its traceback

# name → what it does; the module of a command is imported when it is called
COMMANDS = {
    "denoise": "denoise one volume",
    "batch": "denoise every CT series below a folder, with a log; goes on where it was stopped",
    "models": "list the methods, with size, licence and measured quality",
    "import-weights": "import an authors' checkpoint",
    "compare": "several methods on one volume: volumes, a picture and figures",
    "measure": "figures a physicist trusts, with a report: noise, texture, HU, edges, structure, lesions",
    "evaluate": "the quality table on pairs of low and normal dose",
    "perceive": "dose and anatomy as a model perceives them, slice by slice",
    "generalise": "how methods do at doses and anatomies that training saw, and at others",
    "simulate": "make a low-dose volume from a normal-dose one",
    "validate-simulator": "compare simulated with real low dose on true pairs",
    "validate-measures": "how true the figures of measure are: known removals, known noise, known edges",
    "calibrate-spread": "does the spread of several draws predict the real error?",
    "phantom": "what a method keeps of contrast and edges, and whether it invents, on phantoms made by code",
    "stress": "methods under hard conditions made from normal-dose volumes, the worst first",
    "benchmark": "seconds per slice and memory of the methods on this machine",
    "train": "train a model from a configuration",
    "demo": "denoise a real head CT that a package ships, from file to picture",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status: 0 done, 2 bad input, 130 cancelled; 1 is a defect of the program."""
    argv = list(sys.argv[1:] if argv is None else argv)
    shown = None
    try:
        with contextlib.suppress(ValueError):  # not the main thread: whoever called us handles signals
            signal.signal(signal.SIGTERM, _stop)
        warnings.filterwarnings("ignore", module=r"pydicom\.")  # they quote headers, and readers say what matters
        for stream in (sys.stdout, sys.stderr):  # a pipe on Windows would not take ± and ×
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")
        from .inference.progress import reporter

        if _called(argv) is not None:  # --help and --version compute nothing
            from .inference.own_process import set_up

            set_up()
        if "json" in argv:  # whoever reads JSON reads it of wrong arguments too
            shown = reporter("json")
        parser = _parser(argv)
        if not argv:
            parser.print_help()
            return BAD_INPUT
        args = parser.parse_args(argv)
        shown = reporter(getattr(args, "progress", "auto"))
        args.run(args, shown)
        return DONE
    except InputError as error:
        return _end(shown, str(error), BAD_INPUT)
    except (Cancelled, KeyboardInterrupt):
        return _end(shown, "Cancelled; nothing was left half-written.", CANCELLED)
    except BrokenPipeError:  # `ldct-denoise models | head`: the reader has seen enough
        sys.stdout = None
        return CANCELLED
    except Exception as error:
        from .inference.ladder import is_out_of_memory

        if os.environ.get(DEBUG):
            raise
        if is_out_of_memory(error):
            return _end(
                shown, "There is too little memory for this: close other programs or take fewer slices.", BAD_INPUT
            )
        if text := does_not_load(error):
            return _end(shown, text, BAD_INPUT)
        text = f"This is a defect of the program, please report it ({_place(error)})."
        return _end(shown, f"{text} {DEBUG}=1 shows more.", DEFECT)
    finally:
        if shown is not None:
            shown.close()


def _place(error: Exception) -> str:
    """Of what kind and where; not its text, which may quote a patient's name out of a header."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(frame.filename).name}, line {frame.lineno}"


def _end(shown, text: str, status: int) -> int:
    if shown is not None:
        shown.close()
        shown.error(text)
    else:
        print(f"ldct-denoise: {text}", file=sys.stderr)
    return status


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="ldct-denoise",
        description="Noise reduction for low-dose CT. For research use only, not for diagnosis.",
        epilog="ldct-denoise COMMAND --help tells the arguments of a command.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and stop")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    called = _called(argv)
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        if name == called:
            module = import_module(f".commands.{name.replace('-', '_')}", __package__)
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    return parser


def _called(argv: Sequence[str]) -> str | None:
    """The word that names the command."""
    return next((word for word in argv if not word.startswith("-")), None)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with the arguments in one sentence, like every other error."""

    def error(self, message: str) -> None:
        raise InputError(f"{message[0].upper() + message[1:]}; see {self.prog} --help.")


class _Version(argparse.Action):
    def __call__(self, parser, *_):
        from .version import package_version

        print(f"ldct-denoise {package_version()}")
        parser.exit(DONE)


def _stop(*_) -> None:
    raise KeyboardInterrupt
