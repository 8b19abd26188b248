"""The one exception a user's bad input raises, and how those are named that nobody foresaw."""

from __future__ import annotations


class InputError(ValueError):
    """Bad input from the user: the message is one sentence with the offending value and what to do.

    Command lines print it and exit with status 2; the node withholds the estimate and puts the
    sentence into its diagnostics. What cannot be printed is escaped: a value adds no line to a log.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__("".join(each if each.isprintable() else repr(each)[1:-1] for each in sentence))


def described(error: Exception) -> str:
    """Kind and text of an error that nobody foresaw; the kind alone of one that says nothing, such as MemoryError."""
    return ": ".join(filter(None, (type(error).__name__, str(error))))
