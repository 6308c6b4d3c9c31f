import subprocess
import sys

import pytest

from grokflow.errors import ConfigError
from grokflow.user_code import as_written, files_named, find, is_user_file, parse


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "mine").mkdir()
    return tmp_path / "mine"


def test_code_is_found_and_loaded_by_its_name(folder):
    (folder / "code.py").write_text("def twice(x):\n    return 2 * x\n")
    found = find("code.py:twice", folder)
    assert found.shown == "mine/code.py:twice"
    assert parse(str(found)) == found
    assert found.load()(21) == 42


def test_nothing_of_a_file_runs_when_it_is_found(folder):
    (folder / "code.py").write_text("raise SystemExit('ran')\ndef f(): ...\n")
    find("code.py:f", folder)


def test_an_edit_changes_the_digest_and_so_does_one_of_a_file_that_it_imports(folder):
    (folder / "code.py").write_text("import json\nfrom helper import f\n")
    (folder / "helper.py").write_text("import deeper\nf = 1\n")
    (folder / "deeper.py").write_text("x = 1\n")
    first = find("code.py:f", folder)
    assert first.files == ("mine/code.py", "mine/helper.py", "mine/deeper.py")
    (folder / "deeper.py").write_text("x = 2\n")
    second = find("code.py:f", folder)
    assert second.digest != first.digest
    (folder / "deeper.py").write_text("x = 1\n")
    assert find("code.py:f", folder) == first
    (folder / "unrelated.py").write_text("x = 3\n")
    assert find("code.py:f", folder) == first


def test_a_file_that_was_edited_since_the_configuration_was_read_is_refused(folder):
    (folder / "code.py").write_text("f = 1\n")
    found = find("code.py:f", folder)
    (folder / "code.py").write_text("f = 2\n")
    with pytest.raises(ConfigError, match=r"mine/code\.py: expected .*edited since.*same command again"):
        found.load()


def test_a_package_beside_the_file_counts_with_all_its_modules(folder):
    (folder / "code.py").write_text("import tools.one\nf = 1\n")
    (folder / "tools").mkdir()
    (folder / "tools/__init__.py").write_text("")
    (folder / "tools/one.py").write_text("x = 1\n")
    assert set(find("code.py:f", folder).files) == {
        "mine/code.py",
        "mine/tools/__init__.py",
        "mine/tools/one.py",
    }


def test_an_edit_within_a_second_that_keeps_the_size_is_run(folder, monkeypatch):
    """Python's cache of compiled files knows a file by its size and its second."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (folder / "helper.py").write_text("x = 1\n")
    for value in (1, 2):
        (folder / "code.py").write_text(f"import helper\ndef f(): return {value}, helper.x\n")
        (folder / "helper.py").write_text(f"x = {value}\n")
        assert find("code.py:f", folder).load()() == (value, value)
    assert not list(folder.rglob("*.pyc"))


def test_a_folder_without_init_is_followed_too(folder):
    (folder / "lib").mkdir()
    (folder / "lib/deep.py").write_text("value = 1\n")
    (folder / "code.py").write_text("from lib.deep import value\ndef f(): return value\n")
    first = find("code.py:f", folder)
    assert first.files == ("mine/code.py", "mine/lib/deep.py")
    assert first.load()() == 1
    (folder / "lib/deep.py").write_text("value = 2\n")
    assert find("code.py:f", folder).load()() == 2


def test_an_import_inside_a_function_finds_the_file_beside(folder):
    (folder / "late.py").write_text("value = 5\n")
    (folder / "code.py").write_text("def f():\n    import late\n    return late.value\n")
    assert find("code.py:f", folder).load()() == 5


@pytest.mark.parametrize(("name", "also"), [("json", "a module of Python"), ("numpy", "numpy")])
def test_a_file_that_is_called_like_another_module_is_refused(folder, name, also):
    (folder / f"{name}.py").write_text("x = 1\n")
    (folder / "code.py").write_text(f"import {name}\ndef f(): ...\n")
    with pytest.raises(ConfigError, match=f"'{name}', which is .*{also}.*Rename the file"):
        find("code.py:f", folder).load()


def test_files_of_one_name_in_two_folders_are_not_taken_for_one_another(folder, tmp_path):
    for place, value in ((folder, 1), (tmp_path / "other", 2)):
        place.mkdir(exist_ok=True)
        (place / "twin.py").write_text(f"value = {value}\n")
        (place / "code.py").write_text("import twin\ndef f(): return twin.value\n")
    assert find("code.py:f", folder).load()() == 1
    with pytest.raises(ConfigError, match=r"'twin', which is .*mine/twin\.py"):
        find("code.py:f", tmp_path / "other").load()


@pytest.mark.parametrize("first", ["", "sub"])
def test_files_of_one_name_are_refused_where_one_folder_lies_in_the_other(folder, first):
    """The second would else be given the module of the first, which it imports when it is called."""
    name = f"constant_{first}"
    for place in ("", "sub"):
        (folder / place).mkdir(exist_ok=True)
        (folder / place / f"{name}.py").write_text(f"value = '{place}'\n")
        (folder / place / "code.py").write_text(f"def f():\n    import {name}\n    return {name}.value\n")
    value = find("code.py:f", folder / first).load()
    with pytest.raises(ConfigError, match=rf"'{name}', which is .*{name}\.py, too"):
        find("code.py:f", folder / ("sub" if first == "" else "")).load()
    assert value() == first


@pytest.mark.parametrize("first", ["module", "package"])
def test_a_module_and_a_package_of_one_name_are_refused(folder, first):
    name = f"{first}_first"
    for kind, imported in (("module", name), ("package", f"{name}/part")):
        file = folder / kind / f"{imported}.py"
        file.parent.mkdir(parents=True)
        file.write_text("x = 1\n")
        (folder / kind / "code.py").write_text(f"import {imported.replace('/', '.')}\nf = 1\n")
    find("code.py:f", folder / first).load()
    second = {"module": "package", "package": "module"}[first]
    with pytest.raises(ConfigError, match=f"'{name}', which is .*{first}/{name}"):
        find("code.py:f", folder / second).load()


def test_files_of_one_relative_name_are_two_files(folder, monkeypatch):
    """As in a notebook that changes its working directory."""
    for place in ("a", "b"):
        (folder / place).mkdir()
        monkeypatch.chdir(folder / place)
        (folder / place / "relative.py").write_text(f"value = '{place}'\n")
        (folder / place / "code.py").write_text("import relative\nf = relative.value\n")
    assert find("code.py:f").load() == "b"
    monkeypatch.chdir(folder / "a")
    with pytest.raises(ConfigError, match=r"'relative', which is .*b/relative\.py"):
        find("code.py:f").load()


def test_a_folder_that_is_called_like_an_installed_module_is_not_followed(folder):
    """A clone of grokflow beside the file, as Python sees it: without `__init__.py`, so not the module."""
    (folder / "grokflow/tests").mkdir(parents=True)
    (folder / "grokflow/tests/broken.py").write_text("def (:\n")
    (folder / "code.py").write_text("from grokflow.errors import ConfigError\ndef f(): return ConfigError\n")
    found = find("code.py:f", folder)
    assert found.files == ("mine/code.py",)
    assert found.load()() is ConfigError


def test_looking_whether_a_folder_is_an_installed_module_runs_nothing(folder, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path / "installed")
    (tmp_path / "installed/loud").mkdir(parents=True)
    (tmp_path / "installed/loud/__init__.py").write_text("raise SystemExit('ran')\n")
    (folder / "loud").mkdir()
    (folder / "loud/part.py").write_text("x = 1\n")
    (folder / "code.py").write_text("import loud.part\nf = 1\n")
    assert find("code.py:f", folder).files == ("mine/code.py",)
    (folder / "loud/__init__.py").write_text("")
    assert len(find("code.py:f", folder).files) == 3


def test_an_import_that_cannot_be_followed_is_refused(folder):
    (folder / "inner").mkdir()
    (folder / "inner/unseen.py").write_text("x = 1\n")
    (folder / "code.py").write_text(
        "import sys, os\nsys.path.append(os.path.dirname(__file__) + '/inner')\n"
        "__import__('unseen')\ndef f(): ...\n"
    )
    with pytest.raises(ConfigError, match=r"unseen\.py, imported in another way"):
        find("code.py:f", folder).load()


def test_a_folder_may_have_a_hash_in_its_name(folder):
    (folder / "a#b").mkdir()
    (folder / "a#b/code.py").write_text("f = 3\n")
    found = find("a#b/code.py:f", folder)
    assert parse(str(found)) == found
    assert as_written(str(found)) == "mine/a#b/code.py:f"
    assert files_named([str(found)]) == ["mine/a#b/code.py"]
    assert found.load() == 3


@pytest.mark.parametrize(
    "content",
    [
        "f, g = 1, 2\n",
        "while True:\n    f = 1\n    break\n",
        "async def f(): ...\n",
        "match 1:\n    case f: pass\n",
    ],
)
def test_names_are_found_however_they_are_defined(folder, content):
    (folder / "code.py").write_text(content)
    find("code.py:f", folder).load()


@pytest.mark.parametrize("text", ["code.py:", "code.py:1x", "code.py", "code:f", ""])
def test_what_names_no_code_is_refused(folder, text):
    (folder / "code.py").write_text("f = 1\n")
    with pytest.raises(ConfigError, match=r"file\.py:name"):
        find(text, folder)


REFUSED = [
    ("def f(:\n", "code.py:f", ["mine/code.py, line 1", "valid Python"]),
    ("def first(): ...\nclass Second: ...\n", "code.py:frist", ["(first, Second)", "'frist'", "'first'?"]),
    ("", "code.py:f", ["(nothing)", "'f'"]),
    (None, "code.py:f", ["models.m.code", "No such file", "a file is named relative to it"]),
    ("x = 1\0", "code.py:x", ["mine/code.py", "valid Python"]),
]


@pytest.mark.parametrize(("content", "named", "said"), REFUSED)
def test_what_is_wrong_with_a_file_is_said_before_it_runs(folder, content, named, said):
    if content is not None:
        (folder / "code.py").write_text(content)
    with pytest.raises(ConfigError) as refusal:
        find(named, folder, "models.m.code")
    assert all(part in str(refusal.value) for part in said), str(refusal.value)


def test_what_goes_wrong_while_a_file_is_loaded_is_said_with_its_line(folder):
    (folder / "code.py").write_text("x = 1\n\n\ny = 1 / 0\nf = 3\n")
    with pytest.raises(ConfigError, match=r"mine/code\.py, line 4: .*ZeroDivisionError"):
        find("code.py:f", folder).load()


def test_a_name_that_only_running_the_file_could_find_is_looked_up_when_it_is_loaded(folder):
    (folder / "code.py").write_text("if True:\n    f = 7\n")
    assert find("code.py:f", folder).load() == 7
    with pytest.raises(ConfigError, match="'g'"):
        find("code.py:g", folder).load()


def test_a_file_elsewhere_keeps_its_whole_name(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "code.py").write_text("f = 1\n")
    found = find("code.py:f", elsewhere)
    assert found.file == str(elsewhere / "code.py")


def test_files_named_anywhere_in_a_configuration(folder):
    (folder / "code.py").write_text("f = 1\n")
    (folder / "table.csv").write_text("a,b,c\n")
    config = {"x": [str(find("code.py:f", folder))], "y": {"z": str(find("table.csv", folder))}, "n": 1}
    assert files_named(config) == ["mine/code.py", "mine/table.csv"]


def test_what_names_a_file():
    assert is_user_file("a/b.py:f")
    assert is_user_file("table.csv")
    assert not is_user_file("a*b")
    assert not is_user_file("b.py")
    assert not is_user_file(3)


def test_a_file_in_the_working_directory_may_be_the_first_to_import_torch(folder):
    """Modules of torch that lie in no file name one all the same, relative to the working directory."""
    (folder / "code.py").write_text("import torch\ndef f(): return torch.ones(2).sum().item()\n")
    call = "from grokflow.user_code import find; print(find('code.py:f').load()())"
    run = subprocess.run([sys.executable, "-c", call], cwd=folder, capture_output=True, text=True)
    assert run.stdout == "2.0\n", run.stderr
