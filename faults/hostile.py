"""Files and configurations that nobody should have written: refused in our words, nothing executed."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from faults import work
from faults.repeats import Project
from faults.table import Tries, fault
from grokflow.artifacts.provenance import check_files
from grokflow.artifacts.tensors import METADATA, read_tensors
from grokflow.config.read import LARGEST_FILE, read
from grokflow.errors import ArtifactError, ConfigError, GrokflowError
from grokflow.loading import load_config

VALID = read([Path(__file__).with_name("tiny.yaml")])


class Bomb:
    """Unpickled, it leaves a mark on the disk."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


def safetensors(header: Any, data: bytes = b"") -> bytes:
    """A file with any header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def tensor(start: int = 0, end: int = 8, shape: tuple[int, ...] = (2,), kind: str = "F32") -> dict[str, Any]:
    return {"dtype": kind, "shape": list(shape), "data_offsets": [start, end]}


def hostile_tensors(mark: Path) -> Iterator[tuple[str, bytes]]:
    """Files that pose as safetensors."""
    good = {"__metadata__": {METADATA: json.dumps({"checksum": "0"})}}
    for protocol in range(6):
        yield f"pickle, protocol {protocol}", pickle.dumps(Bomb(mark), protocol)
    yield "pickle behind a header", safetensors(good, pickle.dumps(Bomb(mark)))
    yield "header of 2^63 bytes", (2**63).to_bytes(8, "little") + b"{}"
    yield "header of 100 MB that is not there", (10**8).to_bytes(8, "little") + b"{}"
    yield "deep header", safetensors(b'{"a":' * 200_000 + b"1" + b"}" * 200_000)
    yield "deep list", safetensors(b"[" * 400_000)
    yield "deep metadata", safetensors({"__metadata__": {METADATA: "[" * 200_000}})
    yield "overlapping tensors", safetensors({**good, "a": tensor(), "b": tensor(4, 12)}, bytes(12))
    yield "a hole between tensors", safetensors({**good, "a": tensor(), "b": tensor(16, 24)}, bytes(24))
    yield "beyond the end", safetensors({**good, "a": tensor(0, 2**40, (2**38,))}, bytes(8))
    yield "end before start", safetensors({**good, "a": tensor(8, 0)}, bytes(8))
    yield "shape that overflows", safetensors({**good, "a": tensor(0, 8, (2**62, 4))}, bytes(8))
    yield "negative shape", safetensors({**good, "a": tensor(0, 8, (-2,))}, bytes(8))
    yield "unknown type", safetensors({**good, "a": tensor(0, 8, (2,), "OBJECT")}, bytes(8))
    yield "name that leaves the folder", safetensors({**good, "../../etc/passwd": tensor()}, bytes(8))
    yield "absolute name", safetensors({**good, str(mark): tensor()}, bytes(8))
    yield "name with a NUL", safetensors({**good, "a\0b": tensor()}, bytes(8))
    yield "metadata that is a list", safetensors({"__metadata__": [1]})
    yield "metadata of numbers", safetensors({"__metadata__": {METADATA: 1}})
    yield (
        "the same name twice",
        safetensors(b'{"a":%b,"a":%b}' % ((json.dumps(tensor()).encode(),) * 2), bytes(8)),
    )
    yield "not UTF-8", safetensors(b'{"\xff":1}')


def hostile_yaml(mark: Path) -> Iterator[tuple[str, bytes]]:
    """Files that pose as a configuration."""
    for tag in (
        f'!!python/object/apply:os.system ["touch {mark}"]',
        f'!!python/object/apply:subprocess.check_call [["touch", "{mark}"]]',
        f'!!python/object/new:pathlib.Path ["{mark}"]',
        "!!python/name:os.system",
        "!!python/module:os",
        f'!!python/object/apply:builtins.exec ["open({str(mark)!r}, 1)"]',
    ):
        yield tag[:40], f"results: {tag}\n".encode()
    yield "deep lists", b"a: " + b"[" * 400_000
    yield "deep mappings", b"".join(b" " * i + b"a:\n" for i in range(1300))
    yield (
        "billion laughs",
        b"a0: &a0 [x, x]\n"
        + b"".join(b"a%d: &a%d [*a%d, *a%d]\n" % (i, i, i - 1, i - 1) for i in range(1, 40)),
    )
    laughs = b"".join(b"- &a%d [*a%d, *a%d]\n" % (i, i - 1, i - 1) for i in range(1, 40))
    yield "billion laughs as a value", b"results:\n- &a0 [x, x]\n" + laughs
    yield "an anchor inside itself", b"a: &a [*a]\n"
    yield "huge", b"a: " + b"x" * LARGEST_FILE
    yield "NUL bytes", b"a: \0\0\n"
    yield "not UTF-8", b"results: r\xe9sultats\n"
    yield "UTF-16", "results: a".encode("utf-16")
    yield "a control character", b"a: \x1b[2J\n"
    yield "two documents", b"a: 1\n---\nb: 2\n"
    yield "a number of a million digits", b"threads: " + b"9" * 900_000 + b"\n"
    yield (
        "a run's name that leaves the folder",
        yaml.safe_dump({**VALID, "runs": {"../../outside": VALID["runs"]["run"]}}).encode(),
    )


@fault(8, "hostile files: pickle, headers, tags, depth, links out", tries=30, quick=2)
def hostile_files(tries: Tries) -> None:
    mark = tries.folder / "executed"
    for what, content in hostile_tensors(mark):
        path = tries.folder / "hostile.safetensors"
        path.write_bytes(content)
        tries.add(
            what, survived=refuses(lambda path=path: read_tensors(path), ArtifactError), wrong=mark.exists()
        )
    for what, content in hostile_yaml(mark):
        path = tries.folder / "hostile.yaml"
        path.write_bytes(content)
        tries.add(what, survived=refuses(lambda path=path: loaded(path), ConfigError), wrong=mark.exists())
    links_out(tries)
    record = tries.folder / "provenance.json"
    record.write_text('{"files": {"../../etc/passwd": "0"}, "checksum": "0"}')
    tries.add("record of files elsewhere", survived=refuses(lambda: check_files([record]), ArtifactError))


def links_out(tries: Tries) -> None:
    """The workflow, where part of its results is a link to a folder elsewhere."""
    outside, project = tries.folder / "outside", Project(tries.folder / "project")
    outside.mkdir()
    for at in ("runs", "runs/run", "paths/path/seed_0", ".resume", "datasets")[: tries.wanted]:
        link = project.folder / "results" / at
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(outside)
        status, said = project.run()
        survived = status == 1 and str(link.relative_to(project.folder)) in said
        tries.add(f"link at {at}: {said[-300:]}", survived=survived, wrong=any(outside.iterdir()))
        link.unlink()


def refuses(attempt: Any, kind: type[GrokflowError]) -> bool:
    """Whether it ends in our exception, one line long and naming a place."""
    try:
        attempt()
    except kind as error:
        return len(str(error)) < 2_000 and "expected" in str(error)
    except Exception:  # the row then says that it was not survived
        return False
    return False


def loaded(path: Path) -> Any:
    return load_config([path])


def leaves(value: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The keys of every value of a configuration that is not a mapping."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*keys, key))
    else:
        yield keys


def malformed() -> Iterator[tuple[str, Any, str]]:
    """What was done, the configuration, and what the message must name."""
    impossible: tuple[Any, ...] = (
        float("nan"),
        float("inf"),
        -7,
        [],
        {"unit": "percent"},
        None,
        "40 %",
        1e300,
    )
    for keys in leaves(VALID):
        for value in impossible:
            config = copy.deepcopy(VALID)
            parent = config
            for key in keys[:-1]:
                parent = parent[key]
            if not acceptable(keys[-1], value):
                parent[keys[-1]] = value
                yield f"{'.'.join(keys)} = {value!r}", config, keys[-1]
        config = copy.deepcopy(VALID)
        parent = config
        for key in keys[:-1]:
            parent = parent[key]
        if (len(keys) > 1 and keys[0] != "sweeps") or len(keys) == 1:
            parent[f"{keys[-1]}x"] = parent.pop(keys[-1])
            yield f"{'.'.join(keys)} misspelt", config, f"{keys[-1]}x"


def acceptable(key: str, value: Any) -> bool:
    """Whether the value is one that the key may have."""
    optional = {"stop_after_point_2", "weight_decay", "unembedding_norm", "precision"}
    texts = {"results"}
    large = {"learning_rate", "weight_decay"}  # absurd, but a run that diverges is a result
    return (
        (value is None and key in optional)
        or (key in texts and value == "40 %")
        or (key in large and value == 1e300)
    )


@fault(9, "malformed configurations", tries=10_000, quick=60)
def malformed_configurations(tries: Tries) -> None:
    path = tries.folder / "config.yaml"
    for what, config, name in tries.sample(malformed()):
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        try:
            loaded(path)
            survived, said = False, "accepted"
        except ConfigError as error:
            said = str(error)
            survived = name in said and "Traceback" not in said
        except Exception as error:
            survived, said = False, repr(error)
        tries.add(f"{what}: {said[:200]}", survived=survived, wrong=said == "accepted")
    tries.add("through the command, no job started", survived=refused_by_the_command(tries.folder))


def refused_by_the_command(folder: Path) -> bool:
    """Whether `snakemake` refuses a misspelt key in one line before any job."""
    path = folder / "config.yaml"
    results = folder / "results"
    path.write_text(yaml.safe_dump({**VALID, "results": str(results), "thread": 1}), encoding="utf-8")
    found = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "1", "--directory", str(folder), "--snakefile",
         str(work.SCRIPTS.parents[1] / "Snakefile"), "--configfile", str(path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = found.stdout + found.stderr
    return found.returncode != 0 and "threads" in said and "Traceback" not in said and not results.exists()
