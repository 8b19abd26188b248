"""Views of places through a small network: what is scored, how views add up, and that black images tell nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from pairs_folder import write_pairs

from geoflow_ros.evaluate.__main__ import main
from geoflow_ros.model.config import DefaultConfig
from geoflow_ros.model.weights import build, save

SMALL = DefaultConfig(ground_height=32, ground_width=64, satellite_px=128, satellite_resolution=0.8125)
FIGURES = {"information_bits", "probability_within_4m", "probability_within_label_error", "auc", "accepted_at_5"}


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("network") / "small"
    save(build(SMALL), path)
    return path


def evaluated(root: Path, network: Path, *options: str) -> dict:
    out = root / "out.json"
    command = ["--dataset", "pairs", "--root", str(root), "--checkpoint", str(network), "--json", str(out), *options]
    assert main(command) == 0
    return json.loads(out.read_text())


def test_every_figure_is_there_and_untrained_weights_know_nothing(
    tmp_path: Path, network: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = evaluated(write_pairs(tmp_path, places=4), network, "--rig")
    assert document["count"] == 8 and document["places"] == 4 and document["rig"]["views"] == 4
    for figures in (document, document["rig"], document["chance"], document["rig"]["chance"]):
        assert figures.keys() >= FIGURES and figures["intervals"].keys() >= FIGURES
        low, high = figures["intervals"]["information_bits"]
        assert low <= figures["information_bits"] <= high
        assert 0.0 < figures["ceiling"]["probability_within_4m"] <= 1.0
    assert document["groups"].keys() == document["rig"]["groups"].keys() == {"a", "b"}
    assert document["groups"]["a"]["places"] == 2
    assert abs(document["chance"]["information_bits"]) < 1.0  # black images, flat features
    shown = capsys.readouterr().out
    assert "rigs" in shown and "black images" in shown


def test_a_limit_holds_for_the_places_too(tmp_path: Path, network: Path) -> None:
    document = evaluated(write_pairs(tmp_path, places=4), network, "--rig", "--limit", "3")
    assert (document["count"], document["places"], document["rig"]["views"]) == (3, 2, 2)


def test_each_so_manieth_place_is_taken_with_all_its_views(tmp_path: Path, network: Path) -> None:
    """Of 5 places with 2 views each the first, third and fifth; of 3 views of these, the places of the first two."""
    root = write_pairs(tmp_path, places=5)
    document = evaluated(root, network, "--rig", "--every", "2")
    assert (document["count"], document["places"], document["views"], document["rig"]["views"]) == (6, 3, 6, 3)
    document = evaluated(root, network, "--rig", "--every", "2", "--limit", "3")
    assert (document["count"], document["places"], document["rig"]["views"]) == (3, 2, 2)


def test_the_same_seed_gives_the_same_figures(tmp_path: Path, network: Path) -> None:
    root = write_pairs(tmp_path)
    first = evaluated(root, network)
    assert "rig" not in first
    again = evaluated(root, network)
    assert (first["information_bits"], first["intervals"]) == (again["information_bits"], again["intervals"])


@pytest.mark.parametrize("apart_px", [0.0, 40.0])
def test_without_imagery_of_another_place_right_and_wrong_are_not_told_apart(
    tmp_path: Path, network: Path, capsys: pytest.CaptureFixture[str], apart_px: float
) -> None:
    """One place, or two on one orthophoto, each in the other's patch."""
    root = write_pairs(tmp_path, places=2 if apart_px else 1)
    table = root / "pairs.csv"
    table.write_text(table.read_text().replace("overhead/1.png,0.2,300,", f"overhead/0.png,0.2,{300 + apart_px},"))
    document = evaluated(root, network, "--rig", "--mismatch")
    for figures in (document, document["rig"], document["chance"], *document["groups"].values()):
        assert figures["auc"] is figures["accepted_at_5"] is figures["wrong_accepted"] is None
        assert figures["acceptance"][0]["wrong_accepted"] is figures["intervals"]["auc"] is None
        assert (figures["intervals"]["information_bits"] is None) == (figures["places"] == 1)
        assert figures["information_bits"] is not None and figures["median_error_m"] > 0.0
    assert document["mismatch_refused"] is None and document["mismatch_accepted"]["of"] == 0
    assert "no two of the samples are 65 m apart" in capsys.readouterr().out


def test_what_cannot_be_evaluated_is_one_sentence(
    tmp_path: Path, network: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = ["--root", str(write_pairs(tmp_path)), "--json", str(tmp_path / "o.json")]
    pairs = ["--dataset", "pairs", "--checkpoint", str(network), *rest]
    assert main([*pairs, "--rotation-range-deg", "12"]) == 0
    assert main([*pairs, "--rotation-range-deg", "90"]) != 0
    assert "--rotation-range-deg 90 is more than the 12 degrees the network looks" in capsys.readouterr().err
    assert main(["--dataset", "town", "--split", "test", "--checkpoint", str(network), "--rig", *rest]) != 0
    assert "--rig is for the dataset pairs" in capsys.readouterr().err
    assert main([*pairs, "--original-labels"]) != 0
    assert "--original-labels is for the dataset vigor" in capsys.readouterr().err
