"""The criteria of P8 on made audits: at every point, in every layer, and no other group decides."""

from __future__ import annotations

from pathlib import Path

import pytest
from made import GROUPS, STREAM, judged, make_audit

from grokflow.claims.criteria import Finding
from grokflow.claims.scale_invariance import ATTENTION
from grokflow.loading import load_config
from grokflow.model.models import make_model

ROOT = Path(__file__).parents[2]

EVERY_POINT = ["initial", "point_1", "point_2"]
QUERIES_AND_KEYS = [group for group in GROUPS if group.endswith(ATTENTION)]
SMALLEST = 0.5 + GROUPS.index(QUERIES_AND_KEYS[0])
"""Of the changes of log p by queries and keys in a made audit."""


def tiny(group: str) -> float:
    """By how much an invariant group changes log p in a made audit."""
    return (1 + GROUPS.index(group)) * 1e-13


def test_p8_residual_stream_invariant_queries_and_keys_not(tmp_path: Path) -> None:
    finding = judged("P8", make_audit(tmp_path / "0", STREAM))
    assert finding.holds
    assert finding.measured == (
        "invariant at all points: layer_1.mlp.in, residual stream; queries and keys change log p by 2.5 or "
        "more; outside attention not invariant either: final_norm, token_embedding, unembedding"
    )
    assert finding.numbers == pytest.approx((SMALLEST, tiny("residual stream")))
    assert judged("P8", make_audit(tmp_path / "1", STREAM, points=["initial"])).holds


@pytest.mark.parametrize("at", EVERY_POINT)
def test_p8_at_every_point_and_in_every_layer(at: str, tmp_path: Path) -> None:
    for group in ("residual stream", *QUERIES_AND_KEYS):
        finding = judged("P8", make_audit(tmp_path / group, STREAM, flipped=[(at, group)]))
        assert not finding.holds
        changed = 0.5 + GROUPS.index(group) if group == "residual stream" else tiny("residual stream")
        smallest = SMALLEST if group == "residual stream" else tiny(group)
        assert finding.numbers == pytest.approx((smallest, changed))


@pytest.mark.parametrize("group", ["token_embedding", "layer_0.attention.value", "final_norm", "unembedding"])
def test_p8_other_groups_do_not_decide(group: str, tmp_path: Path) -> None:
    assert judged("P8", make_audit(tmp_path / "0", {*STREAM, group})).holds
    assert judged("P8", make_audit(tmp_path / "1", STREAM, flipped=[("point_1", group)])).holds


def test_p8_neither_wholly_invariant_nor_not_at_all(tmp_path: Path) -> None:
    nothing = judged("P8", make_audit(tmp_path / "0", set()))
    assert not nothing.holds
    assert nothing.measured.startswith("invariant at all points: none;")
    everything = judged("P8", make_audit(tmp_path / "1", set(GROUPS)))
    assert not everything.holds
    assert everything.measured.endswith("outside attention not invariant either: none")


@pytest.mark.parametrize("name", ["config.yaml", "config/quick.yaml"])
def test_p8_looks_for_the_names_that_the_model_gives_its_groups(name: str) -> None:
    config = load_config([ROOT / name])
    run = config.runs[str(config.claims["P8"].run)]
    model, dataset = config.models[run.model], config.datasets[run.dataset]
    found = [group for group in make_model(model, dataset).layout.groups if group.endswith(ATTENTION)]
    assert len(found) == 2 * model.layers
    assert all(".attention." in group for group in found)


@pytest.mark.parametrize("at", EVERY_POINT)
def test_p8_cause_and_p8_alone_ask_about_all_weights_at_every_point(at: str, tmp_path: Path) -> None:
    """What is invariant for the one is not for the other, and single groups decide neither."""
    change = 0.5 + GROUPS.index("all")
    for invariant in (set(GROUPS), {"all"}):
        folder = tmp_path / str(len(invariant))
        whole = make_audit(folder / "whole", invariant)
        assert judged("P8-cause", whole) == Finding(
            True, "all weights scaled: log p changes by 1.2e-12", (pytest.approx(tiny("all")),)
        )
        assert not judged("P8-alone", whole).holds
        once = make_audit(folder / "once", invariant, flipped=[(at, "all")])
        assert judged("P8-cause", once) == Finding(
            False, f"all weights scaled: log p changes by {change:.2g}", (change,)
        )
    for invariant in (set(), set(GROUPS) - {"all"}):
        folder = tmp_path / f"not-{len(invariant)}"
        broken = make_audit(folder / "broken", invariant)
        assert judged("P8-alone", broken) == Finding(
            True, f"all weights scaled: log p changes by {change:.2g} or more", (change,)
        )
        assert not judged("P8-cause", broken).holds
        once = make_audit(folder / "once", invariant, flipped=[(at, "all")])
        finding = judged("P8-alone", once)
        assert (finding.holds, finding.numbers) == (False, (pytest.approx(tiny("all")),))


FROZEN = {"unembedding"}
WHOLLY = set(GROUPS) - FROZEN


def test_p8_wholly_every_trained_group_at_every_point(tmp_path: Path) -> None:
    whole = judged("P8-wholly", make_audit(tmp_path / "0", WHOLLY, frozen=FROZEN))
    assert whole == Finding(
        True, "largest change of log p 1.2e-12, largest θ·g/(‖θ‖‖g‖) 3.0e-16", (pytest.approx(tiny("all")),)
    )
    finding = judged("P8-wholly", make_audit(tmp_path / "1", WHOLLY))  # not invariant, and trained
    assert finding == Finding(False, "largest change of log p 9.5e+00, largest θ·g/(‖θ‖‖g‖) 2.5e-01", (9.5,))


@pytest.mark.parametrize("at", EVERY_POINT)
def test_p8_wholly_not_one_group_at_one_point(at: str, tmp_path: Path) -> None:
    for group in WHOLLY:
        audit = make_audit(tmp_path / group, WHOLLY, frozen=FROZEN, flipped=[(at, group)])
        assert not judged("P8-wholly", audit).holds
