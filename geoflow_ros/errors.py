"""The one exception a user's bad input raises."""

from __future__ import annotations


class InputError(ValueError):
    """Bad input from the user: the message is one sentence with the offending value and what to do.

    Command lines print it and exit with status 2; the node withholds the estimate and puts the
    sentence into its diagnostics.
    """
