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
# # Train, connect, measure: a model of grokflow in ten lines
#
# A small table, so that this takes seconds. For paper M's setup write `modulus=97, b_from=1`, leave the
# model's settings out, and train for some thousand epochs with `optimizer="sgd", learning_rate=0.1,
# weight_decay=0.001`.

# %%
import grokflow

dataset = grokflow.make_dataset("a*b", modulus=11, b_from=1, train_fraction=0.8)
model = grokflow.make_model(dataset, width=16, mlp_width=32, heads=2)
training = grokflow.train(
    model,
    dataset,
    optimizer="adamw",
    learning_rate=0.02,
    weight_decay=1.0,
    epochs=400,
    stop_after_point_2=10,
    log_every=10,
    device="cpu",
)
training

# %% [markdown]
# Point 1, the first epoch with 100 % train accuracy, comes long before point 2, the first at which
# validation accuracy is 100 %, too.

# %%
training.plot()

# %% [markdown]
# A path between the two points: here a polyline whose bend is fitted. Model, data, weight decay and batch
# size are those of the training.

# %%
first, second = training.at("point_1"), training.at("point_2")
path = grokflow.connect(first, second, kind="polyline", weight_decay=0.0, fit=grokflow.Fit(epochs=100))
path.plot()

# %% [markdown]
# All that was drawn is a table; the weights at any t are a vector.

# %%
path.metrics[["t", "train_loss", "train_error", "validation_error", "gradient_norm"]]

# %%
grokflow.measure([first.weights, path.weights(0.5), second.weights], model=model, data=dataset)

# %% [markdown]
# Does train accuracy collapse now and then? Of which groups of weights does only the direction matter?

# %%
grokflow.find_periods(training)

# %%
grokflow.audit_invariance(first).plot()
