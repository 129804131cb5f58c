"""The two ways in which work ends early, told apart from a defect of the program."""


class InputError(ValueError):
    """Something that the user can mend.

    The message is one plain sentence (two at most) that says what is wrong and what to do;
    the command line prints it and ends with status 2, the panel shows it.
    """


class Cancelled(Exception):
    """The user asked to stop; nothing half-made is left behind."""
