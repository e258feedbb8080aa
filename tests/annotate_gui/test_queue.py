"""Which model comes next, who has it, and how far the work is."""

from __future__ import annotations

from dataclasses import replace

from annotate_gui.actions import Action, Entry, Kind, Undo
from annotate_gui.leases import LEASE_S, Leases
from annotate_gui.queue import Filter, Item, State, facets, ordered, progress

LOW = Item("1" * 16, "a/low.pmx", "a", State.OPEN, 0.2, {"head": ("hat suspected: too high",)})
SURE = Item("2" * 16, "b/sure.pmx", "b", State.OPEN, 0.98)
LATER = Item("3" * 16, "b/later.pmx", "b", State.SKIPPED, 0.1, {"mouth_aaa": ("no morph",)}, skipped_at="9")
SOONER = replace(LATER, model_id="4" * 16, skipped_at="5")
DONE = Item("5" * 16, "b/done.pmx", "b", State.CONFIRMED, 0.98)
ITEMS = [DONE, LATER, SURE, SOONER, LOW]


def test_the_least_sure_comes_first_and_what_was_put_off_last() -> None:
    assert ordered(item for item in ITEMS if Filter().admits(item)) == [LOW, SURE, SOONER, LATER]


def test_filters_choose_by_state_source_reason_and_words() -> None:
    def found(wanted: Filter) -> list[Item]:
        return [item for item in ITEMS if wanted.admits(item)]

    assert found(Filter(state="confirmed")) == [DONE]
    assert found(Filter(source="a")) == [LOW]
    assert found(Filter(reason="hat")) == [LOW]
    assert found(Filter(reason="nothing")) == [SURE]
    assert found(Filter(text="LATER mouth")) == [LATER, SOONER]


def test_facets_count_what_there_is_to_choose_from() -> None:
    assert facets(ITEMS) == {
        "state": {"confirmed": 1, "skipped": 2, "open": 2},
        "source": {"a": 1, "b": 3},
        "reason": {"mouth": 2, "head": 1, "hat": 1, "nothing": 1},
    }


def act(number: int, kind: Kind, model: Item, seconds: float = 0.0) -> Action:
    return Action(f"a{number}", "tab", "Kim", "", model.model_id, kind, {}, {}, seconds=seconds)


def test_progress_tells_the_pace_and_what_needed_enter_alone() -> None:
    entries: list[Entry] = [
        act(0, Kind.CONFIRM, SURE, 2.0),
        act(1, Kind.BOUNDS, LOW),
        act(2, Kind.CONFIRM, LOW, 10.0),
        act(3, Kind.CONFIRM, DONE, 4.0),
        act(4, Kind.ROLE, DONE),
        Undo("u", "tab", "Kim", "", DONE.model_id, "a4", {}),
    ]
    told = progress(ITEMS, entries, "tab")
    assert told["median_seconds"] == 4.0
    assert (told["confirmed_as_proposed"], told["confirmed_here"]) == (2, 3)
    assert told["states"] == {"confirmed": 1, "skipped": 2, "open": 2}


def test_a_model_belongs_to_one_tab_until_that_is_silent() -> None:
    leases = Leases()
    assert leases.take("m", "tab 1", "Kim", now=0.0)
    assert not leases.take("m", "tab 2", "Lee", now=LEASE_S - 1)
    assert leases.take("m", "tab 1", "Kim", now=LEASE_S - 1)  # heard of again
    assert not leases.take("m", "tab 2", "Lee", now=LEASE_S + 1)
    assert leases.take("m", "tab 2", "Lee", now=3 * LEASE_S)
    leases.keep_only("tab 2", set())
    assert leases.holder("m", now=3 * LEASE_S) is None
