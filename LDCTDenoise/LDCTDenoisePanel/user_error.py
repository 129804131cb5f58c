"""The one kind of error whose text is meant for the person in front of the screen."""


class UserError(Exception):
    """Something that the user can mend; `str(error)` is one plain sentence that says what is wrong and what to do."""
