# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Connect two checkpoints that grokflow did not make
#
# First a plain PyTorch script, as yours may be: two MLPs learn the same images of digits from other initial
# weights. The images are drawn here, so that nothing is downloaded.

# %%
import numpy as np
import torch
from torch import nn

SHAPES = ["####.##.##.####", ".#.##..#..#.###", "###..#####..###", "###..####..####", "#.##.####..#..#"]
DIGITS = np.array([[mark == "#" for mark in shape] for shape in SHAPES], dtype=np.float32).reshape(5, 5, 3)


def draw_digits(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Images (count, 1, 7, 7) of the digits 0 to 4, moved and noisy, and which digit each is."""
    random = np.random.default_rng(seed)
    classes = random.integers(5, size=count)
    images = random.normal(scale=0.5, size=(count, 1, 7, 7)).astype(np.float32)
    for image, digit in zip(images, classes, strict=True):
        top, left = random.integers(3), random.integers(5)
        image[0, top : top + 5, left : left + 3] += DIGITS[digit]
    return torch.from_numpy(images), torch.from_numpy(classes)


def make_mlp() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(49, 64), nn.ReLU(), nn.Linear(64, 5))


def trained(seed: int, images: torch.Tensor, classes: torch.Tensor) -> nn.Module:
    torch.manual_seed(seed)
    mlp = make_mlp()
    optimizer = torch.optim.Adam(mlp.parameters(), lr=0.01)
    for _ in range(150):
        optimizer.zero_grad()
        nn.functional.cross_entropy(mlp(images), classes).backward()
        optimizer.step()
    return mlp


train, validation = draw_digits(600, seed=0), draw_digits(200, seed=1)
a, b = (trained(seed, *train).state_dict() for seed in (1, 2))

# %% [markdown]
# Now the path between them. `connect` takes state dicts, modules or flat vectors, any module with one tensor
# of outputs, and inputs of any shape.

# %%
import grokflow

settings = {"model": make_mlp(), "data": train, "validation": validation, "batch_size": 100}
straight = grokflow.connect(a, b, **settings)
straight.plot()

# %%
curve = grokflow.connect(a, b, kind="bezier", bends=1, fit={"epochs": 60}, **settings)
curve.plot()

# %% [markdown]
# The barrier on the straight line, and what is left of it on the curve. The weights in the middle go back
# into a module.

# %%
barriers = {path.curve.kind: path.metrics["train_error"].max() for path in (straight, curve)}
middle = make_mlp()
middle.load_state_dict(curve.state_dict(0.5))
barriers

# %% [markdown]
# The loss may be any function of outputs and targets that gives one number, such as
# `loss=torch.nn.functional.mse_loss` for a regression. The same from a shell, with files:
#
# ```console
# $ python -m grokflow.connect a.safetensors b.safetensors --model my.py:make_mlp --data my.py:data \
#       --kind bezier --out connected
# ```
