"""The base of every failure that has a known cause. Not: the kinds of it that somebody tells apart, which lie with
whoever raises them."""


class HubscapeError(Exception):
    """A known cause stopped the work. The text is one plain sentence for people: what, where, what to do.

    `worth_a_retry` says whether the same step may pass some minutes later, `exit_code` how a command ends with it.
    """

    worth_a_retry = False
    exit_code = 1
