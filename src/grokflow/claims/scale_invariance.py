"""The claims of paper P about scale invariance (P8), judged on the audit.

docs/registration.md has the reasons.
"""

from __future__ import annotations

from grokflow.artifacts.results import RunResults
from grokflow.claims.criteria import Finding, Number, criterion

ATTENTION = ("attention.query", "attention.key")


@criterion(
    "P8",
    figure="P-fig2",
    statement="The model is only partly scale-invariant: queries and keys are not.",
    criterion="at initialisation and at every point reached, the audit finds the residual stream invariant, "
    "and queries and keys not",
    subject="run",
    files=("invariance.csv",),
    numbers=(
        Number("smallest change of log p when queries or keys are scaled", "nats"),
        Number("largest change of log p when the residual stream is scaled", "nats"),
    ),
)
def partly_invariant(run: RunResults) -> Finding:
    audit = run.invariance
    verdicts = audit.groupby("group")["invariant"].all()
    attention = audit[audit["group"].str.endswith(ATTENTION)]
    stream = audit[audit["group"] == "residual stream"]["change"].max()
    holds = bool(verdicts["residual stream"]) and not attention["invariant"].any()
    varied = audit[~audit["invariant"]].groupby("group")["change"].min()
    others = [g for g in varied.index if ".attention." not in g and g != "all"]
    return Finding(
        holds,
        f"invariant at all points: {', '.join(verdicts.index[verdicts]) or 'none'}; queries and keys change "
        f"log p by {attention['change'].min():.2g} or more; outside attention not invariant either: "
        f"{', '.join(others) or 'none'}",
        (float(attention["change"].min()), float(stream)),
    )


@criterion(
    "P8-cause",
    figure="invariance",
    statement="Attention is the only cause: with invariant attention and all else as in the paper, the "
    "model is invariant.",
    criterion="with attention made invariant, at initialisation and at every point reached, scaling all "
    "trained weights together leaves log p unchanged",
    subject="run",
    files=("invariance.csv",),
    numbers=(Number("largest change of log p when all weights are scaled", "nats"),),
)
def invariant_without_attention(run: RunResults) -> Finding:
    every = run.invariance[run.invariance["group"] == "all"]
    change = float(every["change"].max())
    return Finding(
        bool(every["invariant"].all()), f"all weights scaled: log p changes by {change:.2g}", (change,)
    )


@criterion(
    "P8-alone",
    figure="invariance",
    statement="Attention alone is enough: with all else made scale-invariant, the model is not.",
    criterion="with all but attention made invariant, at initialisation and at every point reached, scaling "
    "all trained weights together changes log p",
    subject="run",
    files=("invariance.csv",),
    numbers=(Number("smallest change of log p when all weights are scaled", "nats"),),
)
def attention_alone_breaks_invariance(run: RunResults) -> Finding:
    every = run.invariance[run.invariance["group"] == "all"]
    change = float(every["change"].min())
    measured = f"all weights scaled: log p changes by {change:.2g} or more"
    return Finding(not every["invariant"].any(), measured, (change,))


@criterion(
    "P8-wholly",
    figure="invariance",
    statement="With queries, keys and all that enters the residual stream normalised and the unembedding "
    "frozen, the model is wholly scale-invariant.",
    criterion="at initialisation and at every point reached, the audit finds every trained group invariant",
    subject="run",
    files=("invariance.csv",),
    numbers=(Number("largest change of log p when any group is scaled", "nats"),),
)
def wholly_invariant(run: RunResults) -> Finding:
    trained = run.invariance[run.invariance["trained"]]
    change = float(trained["change"].max())
    return Finding(
        bool(trained["invariant"].all()),
        f"largest change of log p {change:.1e}, largest θ·g/(‖θ‖‖g‖) {trained['radial_gradient'].max():.1e}",
        (change,),
    )
