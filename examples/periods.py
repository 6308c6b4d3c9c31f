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
# # Find periods in a training curve from outside
#
# A CSV file as a logger writes it: a step every 10 batches, accuracies in per cent, the validation set
# measured now and then. (It is made up here; name your own file in its place.)

# %%
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pandas as pd

steps = np.arange(0, 6000, 10)
accuracy = 1 - 0.9 * np.exp(-steps / 150)
for collapse in (1800, 2900, 4100, 5200):
    since = np.maximum(steps - collapse, 0) / 40
    accuracy -= 0.8 * since * np.exp(1 - since) * (since > 0)
validation = np.where(steps % 100 == 0, 100 / (1 + np.exp((3000 - steps) / 500)), np.nan)
log = Path(mkdtemp()) / "log.csv"
pd.DataFrame({"Step": steps, "Train/Acc": 100 * accuracy.clip(0, 1), "Valid/Acc": validation}).to_csv(
    log, index=False
)

# %% [markdown]
# The columns are found by their names. Units are not guessed: that these are in per cent has to be said, and
# without it the message says so.

# %%
import grokflow

try:
    grokflow.find_periods(log)
except grokflow.ConfigError as error:
    print(error)

# %%
periods = grokflow.find_periods(log, percent=True)
periods

# %%
periods.plot()

# %% [markdown]
# What the collapses were, and from one to the next how long it took. `notes` says what was left out.

# %%
periods.table[["start", "bottom", "end", "depth", "period", "validation_accuracy_after"]]

# %% [markdown]
# From a shell: `python -m grokflow.periods log.csv --percent --out periods`.
