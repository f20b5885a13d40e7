"""`lwsurvey profile`: names of networks, what is printed, and what is refused."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lwsurvey import cost
from lwsurvey.cli import main
from lwsurvey.models import zoo
from lwsurvey.models.sources import libraries
from lwsurvey.models.sources.building import build
from lwsurvey.models.zoo import NetworkError
from lwsurvey.press.profile.count import Request, count
from lwsurvey.press.profile.formats import table
from lwsurvey.press.profile.report import short

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()
TIMES = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
USER = """
import torch
from torch import nn

print("text of the module")
ready = nn.Conv2d(3, 8, 3, bias=False)
number = 3
scripted = lambda: torch.jit.script(nn.ReLU())
nothing = lambda: None


class Branch(nn.Module):
    def forward(self, x):
        return x + 1 if x.sum() > 0 else x


class Two(nn.Module):
    def forward(self, a, b):
        return a @ b


class Digits(nn.Sequential):
    def __init__(self, classes):
        super().__init__(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(4 * 26 * 26, classes))


def digits():
    print("text of the callable")
    return Digits(10)


def wide(alpha=1.0):
    return nn.Conv2d(3, int(8 * alpha), 3, bias=False)


def fixed(scale=1.0):
    return nn.Conv2d(3, 8, 3)


def ends():
    raise SystemExit(3)


def broken():
    raise RuntimeError("out of ideas")


def reads():
    layer = nn.Linear(4, 4)
    assert layer.weight.sum().item() != 0
    return layer
"""


def call(*arguments: str) -> Result:
    result = CliRunner().invoke(main, ["profile", *arguments], prog_name="lwsurvey")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def counted(*arguments: str) -> dict:
    """What the command prints as JSON."""
    result = call(*arguments, "--format", "json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A user's folder with a module, as the current one."""
    (tmp_path / "usernets.py").write_text(USER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    yield tmp_path
    for name in ("usernets", "quits", "wrong", "lacking"):
        sys.modules.pop(name, None)


def test_the_table_says_what_a_network_costs():
    result = call("resnet50")
    published = torchvision.models.ResNet50_Weights.DEFAULT.meta
    lines = result.stdout.splitlines()
    assert lines[0].startswith("torchvision:resnet50, input 1x3x224x224")
    assert f"torchvision {torchvision.__version__.partition('+')[0]}" in lines[0]
    assert f"MACs              {published['_ops']:.3f} G (" in result.stdout
    assert f"({published['num_params']:,})" in result.stdout
    assert "receptive field   427×427 pixels of the input at layer4.2.relu" in result.stdout
    rows = [re.split(r"  +", line.strip()) for line in lines[2:] if line and "─" not in line]
    assert rows[0] == ["stage", "calls", "MACs", "%", "params", "%", "act.", "mem."]
    total = next(row for row in rows if row[0] == "total")
    assert total[2:6] == ["4.089 G", "100.00", "25.56 M", "100.00"]
    assert result.stderr == (
        "counted torchvision:resnet50; the same name is also in timm:resnet50\n"
    )


@pytest.mark.parametrize("by", ["stage", "type", "layer"])
def test_the_formats_agree_with_each_other_and_with_the_counter(by):
    expected = cost.profile(zoo.from_torchvision("mobilenet_v2"), (1, 3, 224, 224))
    found = counted("mobilenet_v2", "--by", by)
    rows = list(
        csv.DictReader(io.StringIO(call("mobilenet_v2", "--by", by, "--format", "csv").stdout))
    )
    assert len(rows) == len(found["rows"])
    for name in ("macs", "parameters", "activations", "memory_access"):
        assert found[name] == getattr(expected, name)
        assert sum(row[name] for row in found["rows"]) == found[name]
        assert [int(row[name]) for row in rows] == [row[name] for row in found["rows"]]
    lines = call("mobilenet_v2", "--by", by, "--format", "md").stdout.splitlines()
    assert len(lines) == len(rows) + 3 and len({line.count("|") for line in lines}) == 1
    assert found["memory_access_bytes"] == 4 * expected.memory_access
    assert found["peak_activations"] == expected.peak_activations


def test_rows_of_layers_have_the_sizes_of_convolutions():
    text = call("mobilenet_v2", "--by", "layer", "--format", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    first, depthwise = (row for row in rows[:4] if row["kind"] == "Conv2d")
    assert first["output"] == "1x32x112x112" and first["type"] == "convolution 3×3"
    assert (depthwise["N"], depthwise["G"], depthwise["kernel"]) == ("32", "32", "3x3")
    assert depthwise["type"] == "depthwise 3×3" and depthwise["receptive_field"] == "7x7"
    assert rows[-1]["kind"] == "Linear" and rows[-1]["receptive_field"] == ""


@pytest.mark.parametrize(
    ("arguments", "make", "shape"),
    [
        ("mobilenet_v2 --width 0.5 --size 160", {"width_mult": 0.5}, (1, 3, 160, 160)),
        ("mobilenet_v3_small --width 0.75 --batch 2", {"width_mult": 0.75}, (2, 3, 224, 224)),
        ("mobilenet_v2 --size 160x224", {}, (1, 3, 160, 224)),
        ("mobilenet_v2 --size 3x3x64×96", {}, (3, 3, 64, 96)),
        ("mobilenet_v2 --shape 1x3x64x64", {}, (1, 3, 64, 64)),
        ("vit_b_32 --size 64", {"image_size": 64}, (1, 3, 64, 64)),
        ("vit_b_32 --shape 1x3x96x96", {"image_size": 96}, (1, 3, 96, 96)),
    ],
)
def test_width_and_size_are_those_asked_for(arguments, make, shape):
    name, *options = arguments.split()
    found = counted(name, *options)
    expected = cost.count(zoo.from_torchvision(name, **make), shape)
    assert (found["macs"], found["parameters"]) == (expected.macs, expected.parameters)
    assert found["inputs"] == list(shape)


def test_bytes_and_conventions_follow_their_options():
    half = counted("lwsurvey:mobilenet_v1", "--dtype", "bfloat16")
    assert half["memory_access_bytes"] == 2 * half["memory_access"]
    other = counted("lwsurvey:mobilenet_v1", "--conventions", "torch")
    assert other["macs"] == 2 * half["macs"]
    assert (half["unit"], other["unit"]) == ("MACs", "FLOPs")


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("resnet18", "torchvision:resnet18"),
        ("timm:resnet18", "timm:resnet18"),
        ("mobilenetv1_100", "timm:mobilenetv1_100"),
        ("mobilenetv1_100.ra4_e3600_r224_in1k", "timm:mobilenetv1_100.ra4_e3600_r224_in1k"),
        ("mobilenet_v1", "lwsurvey:mobilenet_v1"),
        ("lwsurvey:googlenet", "lwsurvey:googlenet"),
        ("usernets:wide", "usernets:wide"),
    ],
)
def test_a_name_means_the_first_library_that_has_it(name, full):
    assert str(zoo.resolve(name)) == full


def test_other_libraries_with_the_name_are_known_without_loading_them(monkeypatch):
    assert libraries.registered_names() == set(timm.list_models())
    assert zoo.resolve("googlenet").others() == ["lwsurvey:googlenet"]
    assert zoo.resolve("timm:vgg11").others() == ["torchvision:vgg11"]
    monkeypatch.setattr(libraries, "timm", lambda: pytest.fail("timm was imported"))
    assert zoo.resolve("vgg11").others() == ["timm:vgg11"]


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("torchvision:inception_v3", (1, 3, 299, 299)),
        ("vit_h_14", (1, 3, 518, 518)),
        ("fcn_resnet50", (1, 3, 520, 520)),
        ("ssd300_vgg16", ([(3, 300, 300)],)),
        ("timm:efficientnet_b2", (1, 3, 256, 256)),
        ("tf_efficientnet_b1_ns", (1, 3, 240, 240)),
        ("lwsurvey:alexnet", (1, 3, 227, 227)),
        (nn.Conv2d(5, 1, 1), (1, 5, 224, 224)),
    ],
)
def test_every_network_has_its_own_input(name, inputs):
    assert zoo.default_inputs(name) == inputs


@pytest.mark.filterwarnings("ignore:not counted")  # the flow's sampling
@pytest.mark.parametrize("name", ["s3d", "mvit_v2_s", "raft_small", "regnet_y_400mf", "vit_h_14"])
def test_networks_of_unusual_inputs_cost_what_torchvision_states(name, monkeypatch):
    monkeypatch.setattr(
        "torch.hub.load_state_dict_from_url", lambda *_, **__: pytest.fail("fetched")
    )
    network = zoo.load(name)
    assert all(parameter.is_meta for parameter in network.parameters())
    stated = torchvision.models.get_model_weights(name).DEFAULT.meta
    found = cost.profile(network, zoo.default_inputs(name))
    assert round(found.macs / 1e9, 3) == stated["_ops"]
    assert found.parameters == stated["num_params"]


def test_building_leaves_random_numbers_alone_and_keeps_shared_weights():
    def tied() -> nn.Module:
        first, second = nn.Linear(4, 4), nn.Linear(4, 4)
        weight = nn.Parameter(torch.rand(4, 4))
        first.weight = second.weight = weight
        assert torch.arange(3).sum().item() == 3  # which the meta device does not have
        return nn.Sequential(first, second)

    torch.manual_seed(3)
    before = torch.get_rng_state()
    network = build("tied", tied)
    assert torch.equal(torch.get_rng_state(), before)
    assert network[0].weight is network[1].weight and network[0].weight.is_meta
    assert cost.profile(network, (1, 4)).parameters == 16 + 4 + 4
    one, two = (zoo.load("mobilenet_v2", device="cpu") for _ in range(2))
    assert torch.equal(one.features[0][0].weight, two.features[0][0].weight)
    assert not nn.Linear(2, 2).weight.is_meta  # the hook that moves parameters has gone


def test_own_code_is_counted_and_what_it_prints_is_no_data(project):
    found = call("usernets:digits", "--shape", "1x1x28x28", "--format", "csv", "--by", "layer")
    rows = list(csv.DictReader(io.StringIO(found.stdout)))
    assert [int(row["macs"]) for row in rows if row["N"]] == [26 * 26 * 4 * 9, 26 * 26 * 4 * 10]
    assert found.stderr.splitlines() == ["text of the module", "text of the callable"]
    assert counted("usernets:ready", "--size", "8")["macs"] == 6 * 6 * 8 * 27
    assert counted("usernets:wide", "--width", "2", "--size", "8")["macs"] == 6 * 6 * 16 * 27
    two = counted("usernets:Two", "--shape", "3x4", "--shape", "4x5")
    assert two["macs"] == 3 * 4 * 5 and two["inputs"] == [[3, 4], [4, 5]]
    assert counted("usernets:reads", "--shape", "1x4")["parameters"] == 20
    branched = call("usernets:Branch", "--device", "cpu", "--size", "4")
    assert branched.exit_code == 0 and "counted with inputs of ones" in branched.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ("", 2, "Missing argument 'NAME'"),
        ("ResNet-55", 2, "'ResNet-55'; near: torchvision: resnet50"),
        ("timm:mobilenet_v2", 2, "timm has no network 'mobilenet_v2'; near: mobilenetv2_0"),
        ("timm:resnet50.none", 2, "Invalid pretrained tag (none) for resnet50"),
        ("timm:hf-hub:timm/resnet18", 2, "timm has no network 'hf-hub:timm/resnet18'"),
        ("resnet50 --size 0", 2, "'0' is not of positive whole numbers, as 160 or 160x224"),
        ("resnet50 --size -8", 2, "'-8' is not of positive"),
        ("resnet50 --size big", 2, "'big' is not of positive"),
        ("resnet50 --size 99999", 2, "a size is a side of 1 to 65536 pixels"),
        (f"resnet50 --shape 1x3x{10**12}x{10**12}", 2, "elements is too large"),
        ("resnet50 --shape 1x3x8x8 --size 8", 2, "leave out --size, --batch"),
        ("resnet50 --batch 0", 2, "'--batch'"),
        ("resnet50 --size 1x4x64x64", 1, "layer conv1 (Conv2d) failed on (1, 4, 64, 64)"),
        ("vit_b_16 --size 100", 2, "torchvision:vit_b_16 cannot be built: AssertionError: Input"),
        ("resnet50 --conventions paper", 2, "no conventions 'paper'; there are papers, torch"),
        ("resnet50 --width 0.5", 2, "has no width multiplier; networks that have one: mobilenet"),
        ("mobilenetv2_100 --width 0.5", 2, "of like names: mobilenetv2_035, mobilenetv2_050"),
        ("mobilenet_v2 --width nan", 2, "a width multiplier is a positive number, not nan"),
        ("mobilenet_v2 --width 0.999", 2, "as many parameters with width_mult 0.999 as without"),
        ("lwsurvey:shufflenet_v2 --width 0.3", 2, "table 5 has the scales 0.5, 1.0, 1.5, 2.0"),
        ("usernets:digit", 2, "usernets has no 'digit'; it has digits"),
        ("usernets:Digits", 2, "needs arguments (missing a required argument: 'classes')"),
        ("usernets:number", 2, "is of type int, neither callable nor a network"),
        ("usernets:nothing", 2, "usernets:nothing returned NoneType, not a torch.nn.Module"),
        ("usernets:broken", 2, "cannot be built: RuntimeError: out of ideas"),
        ("usernets:ends", 2, "cannot be built: RuntimeError: it ends the program"),
        ("usernets:ready --width 2", 2, "is a network already, it takes no width"),
        ("usernets:digits --width 2", 2, "no width multiplier; give it an argument of one of"),
        ("usernets:fixed --width 2", 2, "it does not use scale"),
        ("usernets:scripted", 1, "is a ScriptModule"),
        ("usernets:Branch", 1, "Count it with real ones: --device cpu"),
        ("usernets:Two", 1, "give it with --shape, once for each input"),
        ("usernets.py:digits", 2, "usernets.py is a file; write its module: usernets:digits"),
        ("usernets:", 2, "'usernets:' is no package.module:callable"),
        ("nowhere.nets:a", 2, "there is no module nowhere; run the command in the folder that"),
        ("quits:a", 2, "quits ends the program when it is imported"),
        ("wrong:a", 2, "the import of wrong failed: ZeroDivisionError: division by zero (/"),
        ("lacking:a", 2, "lacking imports nosuchpackage, which is not installed here"),
    ],
)
def test_what_cannot_be_counted_gets_one_clear_message(project, arguments, code, message):
    (project / "quits.py").write_text("import sys\nsys.exit(3)")
    (project / "wrong.py").write_text("1 / 0")
    (project / "lacking.py").write_text("import nosuchpackage")
    result = call(*arguments.split())
    assert result.exit_code == code and result.stdout == ""
    assert message in result.stderr and "Traceback" not in result.stderr


def test_without_torch_the_message_says_how_to_get_it():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from lwsurvey.cli import main; main(['profile', 'resnet50'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("Error: the package torch is missing; set up the environment")


@pytest.mark.parametrize(("by", "width"), [("stage", 80), ("type", 80), ("layer", 78)])
def test_a_terminal_of_80_columns_is_enough(by, width):
    found = count(Request("inception_v3", by=by))
    full, narrow = (table(found, w).split("\n\n")[1].splitlines() for w in (None, width))
    assert max(map(len, narrow)) <= width and len(narrow) == len(full)
    cut = {line.split()[0]: row.split()[0] for line, row in zip(narrow, full, strict=True)}
    cut = {name: whole for name, whole in cut.items() if name != whole and name[0] != "─"}
    assert bool(cut) == (by == "layer")
    assert all(name[0] == "…" and whole.endswith(name[1:]) for name, whole in cut.items())


@given(st.integers(0, 999 * 10**12))
def test_short_numbers_have_four_digits_and_are_right(number):
    figure, _, prefix = short(number).partition(" ")
    assert float(figure) * TIMES[prefix] == pytest.approx(number, rel=5.001e-4)
    assert not prefix or len(figure.replace(".", "")) == 4
    assert 1 <= float(figure) < 1000 or number == 0


def test_a_network_that_does_nothing_costs_nothing(project):
    (project / "wrong.py").write_text("from torch import nn\nsame = nn.Identity()")
    found = counted("wrong:same")
    assert found["rows"] == [] and found["macs"] == found["parameters"] == 0
    assert call("wrong:same").exit_code == 0


def test_the_loader_refuses_what_is_no_name_size_or_batch():
    for wrong in ("", None, 3):
        with pytest.raises(NetworkError, match="expected the name of a network"):
            zoo.resolve(wrong)
    for size in (0, -3, 1.5, True, (1, 2, 3), "160"):
        with pytest.raises(NetworkError, match="a size is a side of"):
            zoo.load("resnet18", size=size)
    with pytest.raises(NetworkError, match="a batch is a positive whole number, not 0"):
        zoo.default_inputs("resnet18", batch=0)


def test_the_help_has_an_example_of_each_kind_and_the_readme_python_runs(capsys):
    text = call("--help").stdout
    for example in ("--by type", "--width 0.5 --size 160", "--format csv", ":siamese --shape"):
        assert example in text
    code, *_ = re.findall(r"```python\n(.*?)```", README, re.S)
    exec(code, {})
    assert str(111 * 111 * 8 * 27) in capsys.readouterr().out
