"""Showing something takes a turn of the event loop, in which somebody may want to show something else."""

import functools

from ..user_error import UserError


def oneAtATime(method):
    """Decorator: what is asked of an object during another such call is done after it; of several, the last.

    A layout comes up only while events are processed, and among them may be the end of a job with its result.
    """

    @functools.wraps(method)
    def called(self, *arguments, **named):
        state = self.__dict__
        if state.get("_isShowing"):
            state["_showNext"] = lambda: called(self, *arguments, **named)
            return
        state["_isShowing"], state["_showNext"] = True, None
        try:
            method(self, *arguments, **named)
        except UserError:
            if state["_showNext"] is None:  # else it only went to make room for what comes now
                raise
        finally:
            state["_isShowing"] = False
        following, state["_showNext"] = state["_showNext"], None
        if following is not None:
            following()

    return called
