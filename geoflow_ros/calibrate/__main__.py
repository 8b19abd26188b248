"""`python -m geoflow_ros.calibrate BAG --tiles T`: how the camera is mounted, found out from a recorded drive."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import cv2

from geoflow_ros import cli
from geoflow_ros.calibrate.from_drive import Calibration, FoundMount, calibrate
from geoflow_ros.calibrate.mount_file import mount_yaml
from geoflow_ros.calibrate.views import draw_views
from geoflow_ros.replay.closing_words import warnings_of
from geoflow_ros.replay.command_line import config_of
from geoflow_ros.replay.input_options import add_inputs
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.satellite.stores import open_store
from geoflow_ros.tracking.mount.estimate import STATES, in_words
from geoflow_ros.whole_files import write_text


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="geoflow_ros.calibrate",
        description="Find out from a recorded drive how the camera is mounted: roll, pitch, yaw and height. Writes "
        "mount.yaml, the parameters to paste, and mount.png: frames laid on the imagery by the stated mount, and by "
        "the found one. Where a camera seems to see a part of the vehicle, mask.png, too.",
        epilog="Example: python -m geoflow_ros.calibrate drives/a/drive --tiles drives/a/tiles.mbtiles "
        "-p camera.pitch:=0.05",
    )
    add_inputs(parser)
    parser.add_argument("--out", type=Path, default=Path("out/calibrate"), help="folder, default %(default)s")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Calibrate as the command line says."""
    config = config_of(arguments)
    cli.prepare_folder(arguments.out)
    parameters, picture = (arguments.out / name for name in ("mount.yaml", "mount.png"))
    calibration = calibrate(arguments, config, SatelliteMap(open_store(config.tiles)))
    estimates = {name: each.estimate for name, each in calibration.mounts.items()}
    drawn = draw_views(calibration.views, estimates)
    picture.write_bytes(cv2.imencode(".png", drawn[..., ::-1])[1].tobytes())
    write_text(parameters, mount_yaml(calibration, arguments.bag.resolve().name))
    if arguments.json:
        print(json.dumps(_document(calibration, parameters, picture), indent=2))
    else:
        print("\n".join(_text(calibration)), f"wrote {parameters} and {picture}", sep="\n")


def _document(calibration: Calibration, parameters: Path, picture: Path) -> dict[str, object]:
    return {
        "frames": calibration.frames,
        "localised": calibration.localised,
        "driven_m": calibration.driven_m,
        "mounts": {name: each.to_json() for name, each in calibration.mounts.items()},
        "parameters": str(parameters),
        "picture": str(picture),
        "masks": {name: str(path) for name, path in calibration.masks.items()},
        "warnings": dict(calibration.warnings),
    }


def _text(calibration: Calibration) -> list[str]:
    lines = [f"{calibration.localised} of {calibration.frames} frames localised, over {calibration.driven_m:.0f} m"]
    for name, found in calibration.mounts.items():
        lines += [f"{name}:", *(_line(found, index) for index in range(len(STATES)))]
        lines += [each for each in (found.estimate.sentence, found.not_observable) if each]
        if name in calibration.masks:
            left_out = calibration.masks[name]
            lines.append(f"a part of its images does not change while driving and was left out: look at {left_out}")
    return lines + warnings_of(calibration.warnings)


def _line(found: FoundMount, index: int) -> str:
    state, std = STATES[index], float(found.estimate.std[index])
    mounts = found.estimate.stated, found.estimate.mount
    stated, estimated = (in_words(state, getattr(mount, state)) for mount in mounts)
    return f"  {state:7}stated {stated:>11}   frames say {estimated:>11} +- {in_words(state, std)}"


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status of the command line."""
    return cli.run(build_parser(), run, argv)


if __name__ == "__main__":
    raise SystemExit(main())
