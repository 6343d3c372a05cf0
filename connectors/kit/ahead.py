"""Asking for the next pages while the last one is being written: in threads, in order, and not too far ahead."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor


def ahead[N, T](fetch: Callable[[N], T], numbers: Iterable[N], *, threads: int) -> Iterator[T]:
    """`fetch` of each number, in order; at most `threads` at once, and no more than that are asked for in advance.

    What a fetch raises is raised where its result is due, after the results before it; none is begun after that. The
    threads end with the iterator: exhausted, failed, or left early (`close`, or a `for` that was broken off), when
    fetches under way are waited for and their results dropped. With one thread nothing is fetched in advance, nor in
    another thread. `numbers` is read in the caller's.
    """
    if threads < 1:
        raise ValueError(f"At least one thread, not {threads}.")
    return _in_place(fetch, numbers) if threads == 1 else _in_threads(fetch, numbers, threads)


def _in_place[N, T](fetch: Callable[[N], T], numbers: Iterable[N]) -> Iterator[T]:
    for number in numbers:
        yield fetch(number)


def _in_threads[N, T](fetch: Callable[[N], T], numbers: Iterable[N], threads: int) -> Iterator[T]:
    begun: deque[Future[T]] = deque()
    pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="ahead")
    try:
        for number in numbers:
            begun.append(pool.submit(fetch, number))
            if len(begun) >= threads:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
