from __future__ import annotations

import numpy as np

from geoflow_ros.town.height_codes import HIGHEST, SKY, sampled, to_codes


def test_a_code_is_a_tenth_of_a_metre() -> None:
    assert to_codes(np.array([-0.03, 0.0, 0.149, 3.0, 25.3, 90.0])).tolist() == [0, 0, 1, 30, HIGHEST, HIGHEST]


def test_cells_take_what_is_in_their_middle() -> None:
    codes = np.arange(48, dtype=np.uint8).reshape(6, 8)
    codes[5, 7] = SKY
    # Rows of 2 and columns of 8/3 pixels: their middles at rows 1, 3, 5 and columns 1.33, 4, 6.67.
    assert sampled(codes, 3, 3).tolist() == [[9, 12, 14], [25, 28, 30], [41, 44, 46]]
    assert np.array_equal(sampled(codes, 6, 8), codes)
