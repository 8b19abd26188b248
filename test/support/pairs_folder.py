"""A folder of pairs: two views of each place, one with a field of view, one with a camera matrix."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

COLUMNS = (
    "place,image,overhead,metres_per_px,camera_x_px,camera_y_px,heading_deg,hfov_deg,fx,fy,cx,cy,camera_height_m,"
    "label_error_m,grade"
)


def write_pairs(root: Path, places: int = 2, overhead: np.ndarray | None = None) -> Path:
    """Noise to see; the label at pixel (300, 260) of 0.2 m, headings of 90 and 180 degrees."""
    rng = np.random.default_rng(0)
    for folder in ("views", "overhead"):
        (root / folder).mkdir()
    rows = [COLUMNS]
    for index in range(places):
        image = rng.integers(0, 255, (600, 600, 3), dtype=np.uint8) if overhead is None else overhead
        cv2.imwrite(str(root / f"overhead/{index}.png"), image)
        for heading, intrinsics in (("90", "90.0,,,,"), ("180", ",50,51,31,17")):
            name = f"views/{index}_{heading}.jpg"
            cv2.imwrite(str(root / name), rng.integers(0, 255, (32, 64, 3), dtype=np.uint8))
            place = f"{'ab'[index % 2]}_{index}"
            rows.append(f"{place},{name},overhead/{index}.png,0.2,300,260,{heading},{intrinsics},1.7,2.0,A")
    (root / "pairs.csv").write_text("\n".join(rows) + "\n")
    return root
