"""Charts are well-formed SVG with every point inside."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from mmdgen.pages.line_chart import Line, line_chart, stand_alone

SPACE = "{http://www.w3.org/2000/svg}"


def drawn(lines: list[Line], **how: bool) -> ElementTree.Element:
    return ElementTree.fromstring(stand_alone(line_chart(lines, x_title="x < 1", y_title="y & z", **how)))


def points(line: ElementTree.Element) -> list[tuple[float, float]]:
    pairs = (pair.split(",") for pair in line.attrib["points"].split())
    return [(float(x), float(y)) for x, y in pairs]


@pytest.mark.parametrize("log_y", [False, True])
def test_points_lie_inside_and_larger_values_higher(log_y: bool) -> None:
    root = drawn([Line("up", [0, 500, 1000], [0.1, 0.2, 0.4])], log_y=log_y)
    width, height = (float(number) for number in root.attrib["viewBox"].split()[2:])
    line = root.find(f"{SPACE}polyline")
    assert line is not None
    places = points(line)
    assert all(0 <= x <= width and 0 <= y <= height for x, y in places)
    assert places[0][1] > places[1][1] > places[2][1]
    assert places[1][0] == pytest.approx((places[0][0] + places[2][0]) / 2, abs=0.1)


def test_a_linear_axis_begins_at_zero() -> None:
    root = drawn([Line("a", [0, 1], [0.5, 1.0])])
    line = root.find(f"{SPACE}polyline")
    assert line is not None
    (_, half), (_, whole) = points(line)
    ground = next(float(one.attrib["y"]) - 3 for one in root.iter(f"{SPACE}text") if one.text == "0")
    assert half - whole == pytest.approx(ground - half, abs=0.2)


def test_names_and_titles_are_text_and_the_baseline_is_dashed() -> None:
    root = drawn([Line("<identity>", [0, 1], [1, 1], is_baseline=True), Line("b", [0, 1], [1, 2])])
    texts = {one.text for one in root.iter(f"{SPACE}text")}
    assert {"<identity>", "b", "x < 1", "y & z"} <= texts
    dashed = ["stroke-dasharray" in line.attrib for line in root.iter(f"{SPACE}polyline")]
    assert dashed == [True, False]


def test_one_point_makes_a_chart() -> None:
    assert drawn([Line("a", [3], [2])]).find(f"{SPACE}polyline") is not None
