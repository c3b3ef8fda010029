"""Views of arrays that numba does not count references to.

Counting them is an atomic operation for every slice and every call of an inlined function: in kernels that look at a
pixel at a time it took more time than the pixels.
"""

from __future__ import annotations

import numba
from numba.core import cgutils, types
from numba.extending import intrinsic


@intrinsic
def _pointer(typing_context, address):
    """A void pointer of an address."""

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(address), generate


@numba.njit(cache=True, nogil=True, inline="always")
def borrowed(array):
    """The same contents, for use while the array given is alive; ValueError unless it is C-contiguous."""
    if not array.flags.c_contiguous:
        raise ValueError("the array is not C-contiguous")
    return numba.carray(_pointer(array.ctypes.data), array.shape, array.dtype)
