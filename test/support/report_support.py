"""A made-up report: a drive on a straight road, with pictures of one colour each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from browser import complaints

from geoflow_ros.localization.pose import PoseWithCovariance
from geoflow_ros.reports.ground import Cell, Ground
from geoflow_ros.reports.page import write_page
from geoflow_ros.reports.page_data import PoseColumns, Report, Snapshot
from geoflow_ros.reports.thumbnails import thumbnail

if TYPE_CHECKING:
    from selenium.webdriver import Chrome


def picture(*rgb: int) -> bytes:
    return thumbnail(np.full((90, 120, 3), rgb, np.uint8), 120, 20_000)


def report(count: int = 100, **others: Any) -> Report:
    """`count` moments 0.1 s and 1 m of east apart; fused poses 0.1 m north of the truth, but 2 m at moment 60.

    The first ten have no pose. Snapshots at every twentieth moment.
    """
    north = np.full(count, 0.1)
    north[60] = 2.0
    covariance = np.diag([4.0, 1.0, 0.01])
    poses = [
        None if i < 10 else PoseWithCovariance(float(i), float(north[i]), 0.0, covariance / 100) for i in range(count)
    ]
    priors = [None if i < 10 else PoseWithCovariance(float(i), 1.0, 0.1, covariance) for i in range(count)]
    truth = np.column_stack([np.arange(count), np.zeros(count), np.zeros(count)])
    shots = [
        Snapshot(i, {"": picture(0, i, 200)}, picture(200, i, 0), np.array([[i, 0.5, 0.0]]))
        for i in range(0, count, 20)
    ]
    made = Report(
        title="a drive",
        axis="time [s]",
        along=np.arange(count) / 10,
        apart=2.0,
        is_way=True,
        states=["LOCALISED" if pose else "INITIALISING" for pose in poses],
        reasons=[f"its standard deviation is {i / 100} m" if pose else "no fix" for i, pose in enumerate(poses)],
        milliseconds=np.full(count, 20.0),
        fused=PoseColumns.of(poses),
        single=PoseColumns.of(poses),
        prior=PoseColumns.of(priors),
        truth=truth.astype(float),
        fixes=truth[::5, :2] + 3.0,
        snapshots=shots,
        ground=Ground((Cell(0.0, -50.0, 100.0, picture(60, 90, 60)),), "(c) the makers of the tiles"),
        tables={"Parameters": {"localizer.steps": "5"}},
    )
    return replace(made, **others)


def opened(browser: Chrome, path: Path, made: Any) -> None:
    """The page of a report in the browser."""
    write_page(path, made)
    browser.get("about:blank")
    browser.get(path.as_uri())
    assert browser.execute_script("return document.documentElement.dataset.ready") == "yes", complaints(browser)
