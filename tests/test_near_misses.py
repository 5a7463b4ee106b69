"""The references accept true samples and refuse near misses of them, as their page tells."""

import near_misses
import pytest


def counts(table):
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return {words: {int(count) for count in cells} for words, *cells in rows}


@pytest.mark.parametrize("name", near_misses.NAMES)
def test_a_reference_refuses_near_misses(name):
    found = counts(near_misses.on_the_line([name], halves=False))
    assert found.pop("true") == {8}
    assert len(found) >= 9 and set.union(*found.values()) == {0}


@pytest.mark.parametrize("near", [near_misses.on_the_curve, near_misses.of_vectors])
def test_other_curves_and_vectors_are_refused(near):
    table = near()
    found = counts(table)
    assert found.pop("as the reference", {8}) == {8} and set.union(*found.values()) == {0}
    assert table in near_misses.PAGE.read_text(encoding="utf-8")


def test_half_are_refused_at_the_size_that_the_page_tells():
    """A shift of 0.02 standard deviations is a Wasserstein-1 distance of 0.02, the limit, and chance adds some."""
    shift = near_misses.LINE["shifted by {:.3g} standard deviations"][1]
    assert near_misses.Reference("gaussian").refused_half(shift) == pytest.approx(0.022, abs=0.004)
