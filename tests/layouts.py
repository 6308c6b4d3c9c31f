"""What every picture of either paper must keep: nothing off the page, a layout without noise."""

from __future__ import annotations

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure
from matplotlib.transforms import Bbox


def boxes_of(picture: Figure, texts: list[matplotlib.text.Text]) -> list[Bbox]:
    """Where the texts are drawn, in pixels."""
    renderer = FigureCanvasAgg(picture).get_renderer()
    return [text.get_window_extent(renderer) for text in texts]


def assert_apart(boxes: list[Bbox]) -> None:
    """No two of the boxes overlap."""
    for number, box in enumerate(boxes):
        assert not box.count_overlaps(boxes[:number]), box


def assert_on_the_page(picture: Figure) -> None:
    """The panels and the lines of the key lie inside their parts of the picture, the lines apart."""
    renderer = FigureCanvasAgg(picture).get_renderer()
    panels, key = picture.subfigs
    drawn = panels.get_tightbbox(renderer)
    assert 0 <= drawn.x0 < drawn.x1 <= picture.bbox.x1
    assert key.bbox.y1 - 2 <= drawn.y0 < drawn.y1 <= picture.bbox.y1
    lines = [line.get_window_extent(renderer) for line in [*key.legends, *key.texts]]
    for line in lines:
        assert 0 <= line.x0 < line.x1 <= key.bbox.x1
        assert 0 <= line.y0 < line.y1 <= key.bbox.y1
    assert_apart(lines)


def assert_without_noise(picture: Figure) -> None:
    """Every place that the layout's solver found is a number of nine digits: the bytes depend on it."""
    parts = picture.findobj(SubFigure)
    assert parts
    places = [part.bbox_relative.get_points() for part in parts]
    places += [
        axes.get_position(original=True).get_points() for axes in picture.findobj(matplotlib.axes.Axes)
    ]
    for place in places:
        np.testing.assert_allclose(place, np.round(place, 9), rtol=0, atol=2e-15)
