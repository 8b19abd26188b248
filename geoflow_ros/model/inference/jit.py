"""How functions are compiled for the processor they run on (extra `[fast]`)."""

import numba

compiled = numba.njit(cache=True, nogil=True, fastmath={"contract"})
