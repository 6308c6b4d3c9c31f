"""Whether the sweeps of a configuration vary what can be varied, by values that can be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import ValidationError

from grokflow.artifacts.files import digest
from grokflow.config import design, resolve, schema
from grokflow.config.checks import CountPairs, problems_of_table, unless_known
from grokflow.config.problems import problem_line, translate
from grokflow.config.schema import Config
from grokflow.config.sections import tag_of_entry
from grokflow.errors import nearest

LARGEST_SWEEP = 10_000
"""Members; a grid that is larger was not meant."""


def problems_of_sweeps(config: Config, count_pairs: CountPairs) -> Iterable[str]:
    """What is wrong with the sweeps."""
    for name, sweep in config.sweeps.items():
        key = f"sweeps.{name}"
        problems = [
            *unless_known(f"{key}.dataset", "dataset", sweep.dataset, config.datasets),
            *unless_known(f"{key}.model", "model", sweep.model, config.models),
            *unless_known(f"{key}.optimizer", "optimizer", sweep.optimizer, config.optimizers),
        ]
        if not problems:
            entries = resolve.entries_of_sweep(config, name)
            problems = [*_varied(f"{key}.vary", sweep, entries)]
        yield from problems
        if problems:
            continue
        datasets = [member.run.dataset for member in resolve.members_of_sweep(config, name)]
        tables = {_digest_ofproblems_of_table(dataset): dataset for dataset in datasets}
        # What is wrong with the dataset that the sweep names is told where that stands.
        tables.pop(_digest_ofproblems_of_table(config.datasets[sweep.dataset]), None)
        for dataset in tables.values():
            for problem in problems_of_table("dataset", dataset, count_pairs):
                is_varied = problem.partition(":")[0] in sweep.vary
                entry = (
                    f".{problem}"
                    if is_varied
                    else f": {problem.replace('dataset', f'datasets.{sweep.dataset}', 1)}"
                )
                yield f"{key}.vary{entry}"


def _digest_ofproblems_of_table(dataset: schema.Dataset) -> str:
    """The same for datasets that differ in their split alone."""
    return digest(dataset.model_dump(exclude={"split_seed"}))


def _varied(key: str, sweep: schema.Sweep, entries: Mapping[str, schema.Entry]) -> Iterable[str]:
    """What is wrong with the varied keys, with each value alone, and with their combinations."""
    valid = [f"{part}.{key}" for part, entry in entries.items() for key in resolve.keys_to_vary(entry)]
    unknown = [varied for varied in sweep.vary if varied not in valid]
    for varied in unknown:
        mend = "A sweep has one optimizer." if varied == "optimizer.name" else nearest(varied, valid)
        yield problem_line(key, f"a key of a run ({', '.join(valid)})", f"'{varied}'", mend)
    members = design.combinations(sweep) * len(sweep.seeds)
    if members > LARGEST_SWEEP:
        yield problem_line(key, f"at most {LARGEST_SWEEP} members", f"{members}")
    elif not unknown:
        base = resolve.base_of_sweep(sweep, entries, sweep.seeds[0])
        without = [varied for varied, value in base.items() if value is None]
        for varied in without:
            expected = "keys that have a value in their entry, at which one_at_a_time holds them"
            yield problem_line(key, expected, f"'{varied}', which has none")
        parts, found = {type(entry).__name__: part for part, entry in entries.items()}, []
        for settings in [] if without else design.settings_of_sweep(sweep, base):
            try:
                resolve.varied(entries, settings)
            except ValidationError as error:
                part = parts[error.title]
                # The error's place as it would be for an entry called `vary` of that section.
                tag = [name] if (name := tag_of_entry(f"{part}s", entries[part])) else []
                for problem in error.errors():
                    problem["loc"] = (f"{part}s", "vary", *tag, *problem["loc"])
                    found.append(translate(problem).replace(f"{part}s.vary", f"{key}.{part}", 1))
        yield from dict.fromkeys(found)
