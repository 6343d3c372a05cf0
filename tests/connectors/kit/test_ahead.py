import threading

import pytest

from connectors.kit.ahead import ahead

pytestmark = [pytest.mark.unit]

SECONDS = 10


def running():
    return [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


def test_results_come_in_order_whoever_is_ready_first():
    second_is_ready = threading.Event()

    def fetch(number):
        if number == 1:
            assert second_is_ready.wait(SECONDS)
        if number == 2:
            second_is_ready.set()
        return number * 10

    assert list(ahead(fetch, range(1, 8), threads=3)) == [10, 20, 30, 40, 50, 60, 70]


@pytest.mark.parametrize("threads", [1, 2, 6])
def test_nothing_is_fetched_twice_or_left_out(threads):
    fetched = []
    assert list(ahead(lambda number: fetched.append(number) or number, range(100), threads=threads)) == [*range(100)]
    assert sorted(fetched) == [*range(100)]


def test_as_many_are_fetched_at_once_as_there_are_threads():
    together = threading.Barrier(3)
    assert list(ahead(lambda number: together.wait(SECONDS) >= 0 and number, range(3), threads=3)) == [0, 1, 2]


def test_no_more_are_asked_for_than_there_are_threads():
    asked = []

    def numbers():
        for number in range(50):
            asked.append(number)
            yield number

    results = ahead(lambda number: number, numbers(), threads=4)
    for taken in range(1, 10):
        next(results)
        assert len(asked) <= taken + 3
    results.close()


@pytest.mark.parametrize("threads", [1, 4])
def test_an_error_is_raised_in_its_place(threads):
    def fetch(number):
        if number == 3:
            raise ValueError("page 3 is broken")
        return number

    results = ahead(fetch, range(100), threads=threads)
    assert [next(results), next(results), next(results)] == [0, 1, 2]
    with pytest.raises(ValueError, match="page 3 is broken"):
        next(results)
    with pytest.raises(StopIteration):
        next(results)
    assert not running()


def test_after_an_error_nothing_new_is_begun():
    begun = []

    def fetch(number):
        begun.append(number)
        if number == 0:
            raise ValueError("broken")
        return number

    with pytest.raises(ValueError, match="broken"):
        list(ahead(fetch, range(100), threads=2))
    assert set(begun) <= {0, 1}


def test_the_threads_end_when_the_consumer_stops():
    results = ahead(lambda number: number, range(100), threads=4)
    for number in results:
        if number == 2:
            break
    results.close()
    assert not running()


def test_the_threads_end_when_all_is_read():
    assert len(list(ahead(lambda number: number, range(5), threads=4))) == 5
    assert not running()


def test_an_error_of_the_numbers_themselves_is_raised_and_ends_the_threads():
    def numbers():
        yield 1
        raise LookupError("the first page told no total")

    with pytest.raises(LookupError, match="no total"):
        list(ahead(lambda number: number, numbers(), threads=3))
    assert not running()


def test_one_thread_works_in_the_callers():
    assert list(ahead(lambda _: threading.current_thread(), range(2), threads=1)) == [threading.current_thread()] * 2


def test_no_thread_at_all_is_a_mistake():
    with pytest.raises(ValueError, match="At least one thread"):
        ahead(lambda number: number, range(2), threads=0)
