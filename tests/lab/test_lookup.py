"""Tables of latencies: what they cut, measure, interpolate, keep and refuse."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from lwsurvey.latency import lookup, pages, steps
from lwsurvey.latency.lookup import building, timing
from lwsurvey.latency.lookup.layers import module, shapes
from lwsurvey.latency.lookup.timing import deal, grid, points
from lwsurvey.models import small
from lwsurvey.models.blocks import Head, SqueezeExcitation, norm_relu
from lwsurvey.models.mobilenet_v1 import MobileNetV1
from lwsurvey.search import network as searched
from lwsurvey.search import space
from lwsurvey.store import Records

SHAPE = (2, 1, 28, 28)
NETWORKS = {
    "v1": lambda: small.mobilenet_v1(40),
    "v2": lambda: small.mobilenet_v2(16, 3),
    "v3": lambda: small.mobilenet_v3(16),
    "searched": lambda: searched.build(space.parse("i5ew2+-s3n2+")),
}
NARROWER = {
    "v1": lambda: [small.mobilenet_v1(13, late=33), small.mobilenet_v1(8)],
    "v2": lambda: [small.mobilenet_v2(12, 3, late=17), small.mobilenet_v2(5, 3)],
    "v3": lambda: [small.mobilenet_v3(13), small.mobilenet_v3(8)],
    "searched": lambda: [searched.build(space.parse("i5en2+-s3n2+"))],
}

pytestmark = pytest.mark.filterwarnings("error")


def seconds(layer, widths):
    """Latencies that are bilinear in the widths, so that interpolation is exact."""
    a = 1e-4 * (1 + len(str(layer)) % 7)
    return a * (1 + sum(widths) / 10 + np.prod(widths) / 100)


class Clock:
    """Stands for `lwsurvey.latency.lookup.timing.measure`."""

    def __init__(self, factor=1.0, stop=None, found=()):
        self.factor, self.stop, self.found, self.calls = factor, stop, found, 0

    def __call__(self, windows, how):
        if self.calls == self.stop:
            raise KeyboardInterrupt
        self.calls += 1
        entries = [
            timing.Entry(*point, self.factor * seconds(*point))
            for window in windows
            for point in window
        ]
        return timing.Part(tuple(entries), 0.5, tuple(self.found))


@pytest.fixture
def clock(monkeypatch):
    """No real time is taken."""

    def use(**how):
        made = Clock(**how)
        monkeypatch.setattr(building, "measure", made)
        return made

    return use


@pytest.mark.parametrize("name", NETWORKS)
def test_the_pieces_are_the_network(name):
    net = NETWORKS[name]().eval()
    seen = {}
    for path, part in net.named_modules():
        part.register_forward_hook(lambda m, x, y, path=path: seen.update({path: y.shape}))
    net(torch.zeros(SHAPE))
    pieces = lookup.cut(net, SHAPE)
    made = [module(p.layer, p.widths) for p in pieces]
    for kind in (nn.Conv2d, nn.BatchNorm2d, nn.Linear, SqueezeExcitation):
        count = sum(isinstance(m, kind) for m in net.modules())
        assert count == sum(isinstance(m, kind) for one in made for m in one.modules())
    here = sum(p.numel() for p in net.parameters())
    assert here == sum(p.numel() for one in made for p in one.parameters())
    for piece, one in zip(pieces, made, strict=True):
        out = one(*(torch.zeros(shape) for shape in shapes(piece.layer, piece.widths)))
        if piece.name in seen and piece.layer.kind != "classifier":
            assert out.shape == seen[piece.name], piece
            assert out.shape[-2:] == (piece.layer.H, piece.layer.W) or out.dim() == 2


def test_a_residual_sum_and_its_activation_are_one_piece():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(4, 4, 3, padding=1)

        def forward(self, x):
            return (x + self.conv(x)).relu()

    pieces = lookup.cut(nn.Sequential(Block(), Head(4, 3)), (1, 4, 8, 8))
    assert [p.layer.kind for p in pieces] == ["convolution", "addition", "classifier"]
    assert pieces[0].layer.activation == "" and pieces[1].layer.activation == "ReLU"
    assert pieces[1].widths == (4,)


def test_normalisation_of_a_shared_map_is_no_part_of_the_convolution():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)

        def forward(self, x):
            y = self.conv(x)
            return y + self.norm(y)

    with pytest.raises(lookup.TableError, match=r"norm \(BatchNorm2d\)"):
        lookup.cut(Block(), (1, 4, 8, 8))


@pytest.mark.parametrize(
    ("net", "said"),
    [
        (nn.Sequential(nn.Conv2d(1, 8, 3), nn.MaxPool2d(2), Head(8, 2)), "MaxPool2d"),
        (nn.Sequential(nn.Conv2d(1, 8, 3), nn.Conv2d(8, 8, 3, groups=2)), "depthwise"),
        (nn.Sequential(nn.Conv2d(1, 8, (1, 3))), "square"),
        (small.shufflenet_v1(72), "cannot be traced"),
    ],
)
def test_other_networks_are_refused(net, said, clock, tmp_path):
    untouched = clock()
    with pytest.raises(lookup.TableError, match=said):
        lookup.build(net, SHAPE, folder=tmp_path)
    assert not untouched.calls


@pytest.mark.parametrize("name", NETWORKS)
def test_estimates_of_narrower_networks(name, clock, tmp_path, monkeypatch):
    clock()
    net = NETWORKS[name]()
    table = lookup.build(net, SHAPE, folder=tmp_path, multiple=4)
    others = NARROWER[name]()
    for other in (net, *others):
        pieces = table.pieces(other)
        exact = sum(seconds(p.layer, p.widths) for p in pieces)
        assert table.estimate(other) == pytest.approx(exact, rel=1e-9)
        assert table.estimate(other.to("meta")) == table.of(pieces)
        assert table.by_piece(other)["seconds"].sum() == pytest.approx(exact)
    monkeypatch.delitem(lookup.cut.__globals__, "_trace")  # no network is traced twice
    assert table.estimate(others[0]) < table.estimate(net)


def test_the_cut_is_not_fooled_by_a_structure_that_looks_alike():
    net = small.mobilenet_v2(16, 3)
    with_sum = lookup.cut(net, SHAPE)
    net.early[1].shortcut = False
    assert len(lookup.cut(net, SHAPE)) == len(with_sum) - 1
    assert {p.layer.batch for p in lookup.cut(net, (5, *SHAPE[1:]))} == {5}


def test_biases_and_groups_are_seen_in_each_network():
    def net(groups, bias):
        return nn.Sequential(nn.Conv2d(1, 8, 3), nn.Conv2d(8, 8, 3, groups=groups, bias=bias))

    for groups, bias in itertools.product((8, 1), (True, False)):
        layer = lookup.cut(net(groups, bias), SHAPE)[1].layer
        assert (layer.kind == "depthwise", layer.bias) == (groups == 8, bias)
    with pytest.raises(lookup.TableError, match="depthwise"):
        lookup.cut(net(2, True), SHAPE)


def test_nothing_is_extrapolated(clock, tmp_path):
    clock()
    table = lookup.build(small.mobilenet_v1(40), SHAPE, folder=tmp_path)
    for width in (44, 6):
        with pytest.raises(lookup.TableError, match="outside of what was measured, 8 to"):
            table.estimate(small.mobilenet_v1(width, late=80))
    with pytest.raises(lookup.TableError, match="the table has no"):
        table.estimate(small.mobilenet_v2(16))
    least = lookup.build(small.mobilenet_v1(40), SHAPE, folder=tmp_path, least=4)
    assert least.estimate(small.mobilenet_v1(6)) > 0


@pytest.mark.parametrize("how", [{"multiple": 0}, {"least": -1}, {"widths": 2.5}, {"rounds": 1}])
def test_senseless_numbers(how, clock, tmp_path):
    with pytest.raises(lookup.TableError):
        lookup.build(small.mobilenet_v1(16), SHAPE, folder=tmp_path, **how)


def test_entries_are_shared_and_counted():
    axes = grid(small.mobilenet_v1(40), SHAPE, widths=None)
    wide = next(layer for layer in axes if layer.kind == "convolution" and layer.rows == 4)
    assert axes[wide] == (tuple(range(8, 81, 8)),) * 2  # 40 to 80, and twice 80 to 80
    stem = next(layer for layer in axes if layer.rows == 28)
    assert axes[stem] == ((1,), (8, 16, 24))
    head = next(layer for layer in axes if layer.kind == "classifier")
    assert axes[head][1] == (10,)
    with torch.device("meta"):
        net = MobileNetV1()
    few, all_ = (lookup.count(net, (1, 3, 224, 224), widths=w) for w in (8, None))
    assert few < all_ < 33056


def test_every_entry_is_dealt_in_the_order_of_the_network():
    net = small.mobilenet_v3(16)
    axes = grid(net, SHAPE)
    order = [piece.layer for piece in lookup.cut(net, SHAPE)]
    windows = deal(order, axes, np.random.default_rng(0))
    assert all([layer for layer, _ in window] == order for window in windows)
    assert {point for window in windows for point in window} == set(points(axes))
    again = deal(order, axes, np.random.default_rng(0))
    assert again == windows != deal(order, axes, np.random.default_rng(1))
    size = [np.mean([w[0] / axes[layer][0][-1] for layer, w in window]) for window in windows]
    assert np.ptp(size) > 0.5  # wide among wide


def test_a_table_is_made_once(clock, tmp_path):
    first, net = clock(), small.mobilenet_v1(16)
    table = lookup.build(net, SHAPE, folder=tmp_path)
    assert first.calls and table.seconds == pytest.approx(0.5 * first.calls)
    again = clock(factor=2.0)
    assert lookup.build(net, SHAPE, folder=tmp_path).estimate(net) == table.estimate(net)
    found = lookup.build(net, SHAPE, folder=tmp_path)
    assert found.made == table.made and found.parts == table.parts and not again.calls
    anew = lookup.build(net, SHAPE, folder=tmp_path, rebuild=True)
    assert anew.estimate(net) == pytest.approx(2 * table.estimate(net))
    lookup.build(net, (4, 1, 28, 28), folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    assert {"processor", "packages", "date", "shape", "memory kept"} <= set(table.made)
    assert len(table.entries) == lookup.count(net, SHAPE)


def test_an_interrupted_table_goes_on(clock, tmp_path):
    net = small.mobilenet_v1(40)
    clock(stop=2)
    with pytest.raises(KeyboardInterrupt):
        lookup.build(net, SHAPE, folder=tmp_path)
    rest = clock()
    table = lookup.build(net, SHAPE, folder=tmp_path)
    whole = clock()
    other = lookup.build(net, SHAPE, folder=tmp_path / "other")
    assert rest.calls == whole.calls - 2 and table.parts == other.parts


def rewrite(path, **changed):
    """Say that a table was made somewhere else."""
    records = Records(path)
    records.put("made", records.get("made") | changed)


def test_a_table_is_not_finished_on_another_machine(clock, tmp_path):
    net = small.mobilenet_v1(40)
    clock(stop=2)
    with pytest.raises(KeyboardInterrupt):
        lookup.build(net, SHAPE, folder=tmp_path)
    (path,) = tmp_path.iterdir()
    rewrite(path, processor="an abacus")
    untouched = clock()
    with pytest.raises(lookup.TableError, match="processor an abacus"):
        lookup.build(net, SHAPE, folder=tmp_path, elsewhere=True)
    assert not untouched.calls


def test_a_folder_or_file_that_cannot_be_used(clock, tmp_path):
    net, file = small.mobilenet_v1(16), tmp_path / "file"
    file.write_text("")
    with pytest.raises(lookup.TableError, match="nothing can be kept in"):
        lookup.build(net, SHAPE, folder=file)


def test_another_machines_table_is_refused(clock, tmp_path):
    clock()
    net = small.mobilenet_v1(16)
    table = lookup.build(net, SHAPE, folder=tmp_path)
    for foreign, said in (
        ({"processor": "an abacus"}, "processor an abacus"),
        ({"packages": {"torch": "0.1"}}, r"PyTorch 0\.1, here"),
    ):
        rewrite(table.path, **table.made | foreign)
        with pytest.raises(lookup.TableError, match=said):
            lookup.build(net, SHAPE, folder=tmp_path)
        taken = lookup.build(net, SHAPE, folder=tmp_path, elsewhere=True)
        assert taken.made == table.made | foreign and taken.parts == table.parts


def test_a_damaged_file_is_recognised(clock, tmp_path):
    clock()
    table = lookup.build(small.mobilenet_v1(16), SHAPE, folder=tmp_path)
    part = table.path / "part-0000.record"
    text = part.read_text()
    for damaged in (text[:-20], "[]", "", text.replace("1", "2")):
        part.write_text(damaged)
        with pytest.raises(lookup.TableError, match="damaged"):
            lookup.build(small.mobilenet_v1(16), SHAPE, folder=tmp_path)
    part.unlink()
    only = clock()
    again = lookup.build(small.mobilenet_v1(16), SHAPE, folder=tmp_path)
    assert again.parts == table.parts and only.calls == 1


@pytest.mark.parametrize("lacking", [AttributeError, OSError, TypeError])
def test_a_system_without_the_memory_setting_is_told(lacking, monkeypatch):
    def none(_name):
        raise lacking

    assert lookup.keep() in (True, False)
    monkeypatch.setattr(pages.ctypes, "CDLL", none)
    assert lookup.keep() is False


def test_disturbances_are_told(clock, tmp_path):
    clock(found=[("load", "others were busy")])
    net = small.mobilenet_v1(40)
    table = lookup.build(net, SHAPE, folder=tmp_path)
    n = len(table.parts)
    assert table.disturbed == (f"in {n} of {n} parts others were busy",)
    assert lookup.build(net, SHAPE, folder=tmp_path).disturbed == table.disturbed
    clock()
    assert not lookup.build(net, SHAPE, folder=tmp_path / "quiet").disturbed


def test_estimates_against_measurements(clock, tmp_path):
    clock()
    net = small.mobilenet_v1(16)
    table = lookup.build(net, SHAPE, folder=tmp_path)
    few = {f"width {n}": small.mobilenet_v1(n) for n in (8, 11, 16)}
    found = lookup.against(table, few, budget=0.1, rounds=2)
    assert list(found.frame.index) == list(few) and -1 <= found.repeated <= 1
    assert found.frame["estimate"].tolist() == [table.estimate(n) for n in few.values()]
    with pytest.raises(lookup.TableError, match="three networks"):
        lookup.against(table, {"one": net})
    with pytest.raises(lookup.TableError, match="the table has no"):
        lookup.against(table, dict(few) | {"v2": small.mobilenet_v2(16)})


def test_error_and_rank_of_known_numbers():
    measured = pd.Series(np.linspace(1, 2, 30))
    frame = pd.DataFrame({"estimate": 0.9 * measured, "measured": measured})
    frame["off"] = frame["estimate"] / frame["measured"] - 1
    found = lookup.Against(frame, None)
    assert found.median_error.value == pytest.approx(0.1)
    assert found.bias.value == pytest.approx(-0.1)
    assert found.rank.value == pytest.approx(1) and found.rank.n == 30
    frame["estimate"] = measured.sample(frac=1, random_state=0).to_numpy()
    assert found.rank.low < found.rank.value < found.rank.high < 0.9


def test_steps_are_timed_where_they_stand():
    log = []

    def step(name, before, takes):
        return (
            lambda: (log.append(f"before {name}"), time.sleep(before)),
            lambda: (log.append(name), time.sleep(takes)),
        )

    seen = steps([step("a", 0.03, 0.001), step("b", 0, 0.02)], rounds=5)
    assert log == ["before a", "a", "before b", "b"] * 6
    assert seen.times.shape == (5, 2)
    assert 0.001 <= seen.times[0].min() < 0.02 <= seen.times[1].min()
    with pytest.raises(ValueError, match="two rounds"):
        steps([], rounds=5)


class Queue:
    """A device that returns at once and works later."""

    name, on_host = "fake", False

    def __init__(self):
        self.host = self.free = self.done = 0.0

    def now(self):
        return self.host

    def mark(self):
        return max(self.host, self.free)

    def synchronize(self):
        self.host = self.done = self.mark()

    def seconds(self, start, end):
        assert end <= self.done, "asked before the work was done"
        return end - start

    def own(self, start, end):
        return float("nan")

    def others(self):
        return 0.0

    def work(self, takes):
        def run():
            self.host += 1e-6
            self.free = max(self.free, self.host) + takes

        return run


def test_steps_of_an_asynchronous_device():
    device = Queue()
    sequence = [(device.work(5.0), device.work(2.0)), (device.work(1.0), device.work(3.0))]
    seen = steps(sequence, device=device, rounds=3)
    assert seen.times.to_numpy() == pytest.approx(np.array([[2.0, 3.0]] * 3))
    assert seen.device == "fake" and not seen.found


def test_a_piece_in_real_time(tmp_path):
    net = nn.Sequential(nn.Conv2d(1, 16, 3, bias=False), norm_relu(16), Head(16, 10))
    table = lookup.build(net, (8, 1, 28, 28), folder=tmp_path, rounds=3, deals=2)
    assert 1e-5 < table.estimate(net) < 1
    frame = table.entries
    assert (frame["seconds"] > 0).all() and (frame["spread"] >= 1).all()
    assert set(frame["kind"]) == {"convolution", "classifier"}
    contiguous = lookup.build(
        net, (8, 1, 28, 28), folder=tmp_path, rounds=2, deals=1, channels_last=False
    )
    assert contiguous.estimate(net) > 0


KILLED = """
import itertools, os, signal, sys
from lwsurvey.latency import lookup
from lwsurvey.latency.lookup import building
from lwsurvey.models import small
real, left = building.measure, itertools.count(3, -1)
building.CHUNK = 1
building.measure = lambda *a: real(*a) if next(left) else os.kill(os.getpid(), signal.SIGKILL)
lookup.build(small.mobilenet_v1(16), (2, 1, 28, 28), folder=sys.argv[1], rounds=2, deals=1)
"""


@pytest.mark.slow
def test_a_killed_build_keeps_what_is_finished(tmp_path, monkeypatch):
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)])
    assert done.returncode == -signal.SIGKILL
    monkeypatch.setattr(building, "CHUNK", 1)
    (path,) = tmp_path.iterdir()
    records = Records(path)
    kept = [records.get(f"part-{i:04}") for i in range(4)]
    table = lookup.build(small.mobilenet_v1(16), SHAPE, folder=tmp_path, rounds=2, deals=1)
    assert kept[3] is None and len(table.parts) > 3
    for part, record in zip(table.parts, kept[:3], strict=False):
        assert [entry.seconds for entry in part.entries] == record[0]
