"""What a counter leaves behind: in the model, in torch, and in memory."""

from __future__ import annotations

import gc
import io
import pickle
import random
import weakref
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch._dynamo  # replaces functions of torch when first imported, which tools may cause
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision import models

from benchmarks.tools import Call


class Broken(nn.Module):
    """A layer that fails."""

    def forward(self, x: Tensor) -> Tensor:
        raise RuntimeError("this layer fails")


def network(broken: bool = False) -> nn.Module:
    """MobileNet V2 in training mode, with one block frozen in evaluation mode."""
    torch.manual_seed(0)
    model = models.mobilenet_v2(dropout=0.0).train()
    model.features[3].eval()
    if broken:
        model.classifier.append(Broken())
    return model


def left_by(count: Call, broken: bool = False) -> list[str]:
    """What two calls change, in words; on the CPU, on one image of 64 x 64.

    Args:
        count: the tool.
        broken: whether the last layer of the network fails.
    """
    model, x = network(broken), torch.ones(1, 3, 64, 64)
    before, outcomes = snapshot(model), []
    for _ in range(2):
        outcomes.append(_outcome(count, model, x))
    found = differences(before, snapshot(model))
    if broken and not all(kind == "raised" for kind, _ in outcomes):
        found.append(f"does not raise the model's error, but returns {outcomes[0][1]}")
    if len(set(outcomes)) > 1:
        found.append(f"the second call gives {outcomes[1][1]} after {outcomes[0][1]}")
    known = weakref.ref(model)
    del model
    gc.collect()
    return [*found, "keeps the model in memory"] if known() is not None else found


def _outcome(count: Call, model: nn.Module, x: Tensor) -> tuple[str, Any]:
    try:
        return "returned", count(model, x)
    except Exception as error:  # what is raised is the result here
        return "raised", type(error).__name__


def snapshot(model: nn.Module) -> dict[str, Any]:
    """All that may be different afterwards, as values that do not refer to the model."""
    modules = list(model.modules())
    return {
        "training": [module.training for module in modules],
        "hooks": sum(_hooks(vars(module)) for module in modules),
        "global hooks": _hooks(vars(nn.modules.module)),
        "attributes": Counter(name for module in modules for name in vars(module)),
        "buffers": Counter(name.split(".")[-1] for name, _ in model.named_buffers()),
        "state": {name: value.clone() for name, value in model.state_dict().items()},
        "parameters": [
            (id(p), p.device, p.requires_grad, p.grad is None) for p in model.parameters()
        ],
        "random": (torch.get_rng_state(), random.getstate(), np.random.get_state()),
        "modes": (torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_default_device(),
                  torch.backends.mha.get_fastpath_enabled()),
        "functions": _functions(),
        "pickled": _pickles(model),
    }  # fmt: skip


def _hooks(attributes: dict[str, Any]) -> int:
    return sum(len(v) for k, v in attributes.items() if "hooks" in k and isinstance(v, dict))


def _functions() -> dict[tuple[str, str], Any]:
    places = (torch, F, torch.Tensor, nn.Module)
    return {
        (place.__name__, name): value
        for place in places
        for name in dir(place)
        if callable(value := getattr(place, name, None))
    }


def _pickles(model: nn.Module) -> bool:
    try:
        pickle.dump(model, io.BytesIO())
    except Exception:  # whatever stops it: a model that pickled before no longer does
        return False
    return True


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What two snapshots differ in, in words."""
    found = [words(before[key], after[key]) for key, words in _WORDS.items()]
    return [text for text in found if text]


def _training(before: list[bool], after: list[bool]) -> str:
    changed = [now for old, now in zip(before, after, strict=True) if old != now]
    if not changed:
        return ""
    what = {True: "training", False: "evaluation"}
    modes = " and ".join(what[mode] for mode in sorted(set(changed)))
    return f"{len(changed)} of {len(before)} modules left in {modes} mode"


def _more(what: str) -> Callable[[int, int], str]:
    return lambda before, after: f"{after - before} {what}" if after != before else ""


def _names(what: str) -> Callable[[Counter, Counter], str]:
    def words(before: Counter, after: Counter) -> str:
        new = [f"{name} ({number})" for name, number in sorted((after - before).items())]
        gone = [f"{name} ({number})" for name, number in sorted((before - after).items())]
        parts = [f"{what} added: {', '.join(new)}"] if new else []
        return "; ".join(parts + ([f"{what} removed: {', '.join(gone)}"] if gone else []))

    return words


def _state(before: dict[str, Tensor], after: dict[str, Tensor]) -> str:
    changed = [k for k, v in before.items() if k not in after or not torch.equal(v, after[k])]
    kinds = sorted({name.split(".")[-1] for name in changed})
    return f"{len(changed)} values changed ({', '.join(kinds)})" if changed else ""


def _random(before: tuple, after: tuple) -> str:
    same = [torch.equal(before[0], after[0]), before[1] == after[1]]
    same.append(all(np.array_equal(a, b) for a, b in zip(before[2], after[2], strict=True)))
    names = [n for n, s in zip(("torch", "Python", "NumPy"), same, strict=True) if not s]
    return f"random state of {', '.join(names)} moved on" if names else ""


def _patched(before: dict, after: dict) -> str:
    changed = [f"{a}.{b}" for a, b in before if after.get((a, b)) is not before[a, b]
               and after.get((a, b)) != before[a, b]]  # fmt: skip
    return f"{len(changed)} functions of torch left patched" if changed else ""


_WORDS: dict[str, Callable[[Any, Any], str]] = {
    "training": _training,
    "hooks": _more("hooks left on modules"),
    "global hooks": _more("global hooks left"),
    "attributes": _names("attributes"),
    "buffers": _names("buffers"),
    "state": _state,
    "parameters": lambda a, b: "parameters replaced, moved or with gradients" if a != b else "",
    "random": _random,
    "modes": lambda a, b: "global modes changed" if a != b else "",
    "functions": _patched,
    "pickled": lambda a, b: "can no longer be pickled" if a and not b else "",
}
