"""What happens when nobody refers to an object any more."""

import gc
import time


def is_collected(condition, seconds=5.0):
    """Collect garbage until `condition()` holds; return whether it came to that.

    PyPy counts no references, and there the thread that runs a destructor may be one
    that was in the middle of something else.
    """
    end = time.monotonic() + seconds
    while True:
        gc.collect()
        if condition():
            return True
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
