"""The references accept true samples and refuse near misses of them."""

import near_misses
import pytest


def rows(table):
    _, _, *lines = table.splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def counts(table):
    return {words: {int(count) for count in cells} for words, *cells in rows(table)}


@pytest.mark.parametrize("name", near_misses.NAMES)
def test_a_reference_refuses_near_misses(name):
    table = near_misses.on_the_line([name], halves=False)
    found = counts(table)
    assert found.pop("true") == {8}
    assert len(found) >= 9 and set.union(*found.values()) == {0}


def test_sine_refuses_other_curves():
    found = counts(near_misses.on_the_curve())
    assert len(found) >= 9 and set.union(*found.values()) == {0}


def test_notebook_refuses_other_vectors():
    found = counts(near_misses.of_vectors())
    assert found.pop("as the reference") == {8} and set.union(*found.values()) == {0}


def test_half_are_refused_at_the_size_that_the_page_tells():
    """A shift of 0.02 standard deviations is a Wasserstein-1 distance of 0.02, the limit, and chance adds some."""
    shift = near_misses.LINE["shifted by {:.3g} standard deviations"][1]
    assert near_misses.Reference("gaussian").refused_half(shift) == pytest.approx(0.022, abs=0.004)


def test_the_page_has_the_tables():
    page = near_misses.PAGE.read_text(encoding="utf-8")
    assert near_misses.on_the_curve() in page and near_misses.of_vectors() in page
