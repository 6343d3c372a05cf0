"""Making the next items in a thread, while the caller is busy with the last."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

END: Any = object()


def ahead[T](items: Iterator[T]) -> Generator[T]:
    """The same items in the same order, at most one made beforehand. What making one raises, is raised where it is due.

    Close it (`contextlib.closing`) when it is left early: the thread touches `items` until then.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="reading-ahead") as thread:
        following = thread.submit(next, items, END)
        while (item := following.result()) is not END:
            following = thread.submit(next, items, END)
            yield item
