"""Memory allocation of a process that trains: keep freed memory instead of returning it to the system.

By default glibc returns large blocks to the kernel when they are freed. A training frees and allocates its activations
in every step, so the kernel clears the same pages again and again. On some machines this takes a large part of the
training time.
"""

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8
"""Parameters of `mallopt` in glibc's malloc.h."""


def keep_freed_memory() -> None:
    """Configure glibc's allocator for this process; do nothing with another C library.

    Call it before the first large allocation. Results do not change.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(M_MMAP_MAX, 0)
    mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
    mallopt(M_ARENA_MAX, 1)
