"""A user's own function or table as an operation."""

import numpy as np
import pytest

from grokflow.config import Dataset
from grokflow.data import count_pairs, make_dataset, tokenization
from grokflow.errors import ConfigError
from grokflow.user_code import find


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def of_function(here, body, **keys):
    (here / "code.py").write_text(f"import numpy as np\n\n\ndef f(a, b, p):\n    {body}\n")
    keys = {"modulus": 5, "train_fraction": 0.5, **keys}
    return Dataset(operation=str(find("code.py:f")), **keys)


def of_table(here, text, **keys):
    (here / "table.csv").write_text(text)
    return Dataset(operation=str(find("table.csv")), train_fraction=0.5, **keys)


def test_a_function_makes_the_table_of_the_same_expression(here):
    mine = make_dataset(of_function(here, "return (a * b + a) % p"))
    expression = make_dataset(Dataset(operation="a*b+a", modulus=5, train_fraction=0.5))
    assert mine.equals(expression)


def test_pairs_without_a_value_and_below_the_first_are_left_out(here):
    dataset = of_function(here, "return np.where(a == b, -1, 0)", a_from=1)
    table = make_dataset(dataset)
    assert len(table) == 4 * 4
    assert (table["a"] != table["b"]).all()
    assert (table["a"] >= 1).all()
    assert count_pairs(dataset) == 4 * 5  # at most: the function does not run when the configuration is read


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "return a[:3]",
            r"code\.py:f: expected an array of 25 integers, one for each pair, found shape \(3,\)",
        ),
        ("a + b", r"code\.py:f: expected an array of 25 integers.*, found None\. Is there a `return`\?"),
        ("return a / 2", "integers.*float64"),
        ("return a + b", r"values from 0 to 4, or -1 .*, found 5 for a = 1, b = 4"),
        ("return a - 9", "found -9"),
        ("return a.nothing", r"code\.py, line 5, in f: .*AttributeError"),
        ("return np.full_like(a, -1)", r"train_fraction: .*both splits a pair of the 0"),
    ],
)
def test_what_a_function_does_wrong_is_said(here, body, said):
    with pytest.raises(ConfigError, match=said):
        make_dataset(of_function(here, body))


def test_a_function_of_other_arguments_is_refused(here):
    (here / "code.py").write_text("def f(a): return a\n")
    with pytest.raises(ConfigError, match=r"code\.py:f: expected a function of a, b and the modulus"):
        make_dataset(Dataset(operation=str(find("code.py:f")), modulus=5, train_fraction=0.5))


def test_a_table_names_its_elements(here):
    dataset = of_table(here, "a, b, c\nleft,right,none\nright,left,none\nnone,none,left\n")
    assert tokenization(dataset).vocabulary == 3
    table = make_dataset(dataset)
    assert table[["a", "b", "c"]].to_numpy().tolist() == [[0, 2, 1], [1, 1, 0], [2, 0, 1]]
    assert count_pairs(dataset) == 3


def test_integers_are_in_order_of_size_and_other_columns_do_not_matter(here):
    dataset = of_table(here, "c,why,b,a\n10,x,2,-1\n2,y,-1,10\n")
    table = make_dataset(dataset)
    elements = np.array([-1, 2, 10])
    assert elements[table[["a", "b", "c"]].to_numpy()].tolist() == [[-1, 2, 10], [10, -1, 2]]


def test_a_table_is_another_dataset_once_it_is_edited(here):
    first = of_table(here, "a,b,c\n0,1,0\n1,1,1\n")
    second = of_table(here, "a,b,c\n0,1,1\n1,1,1\n")
    assert first != second
    with pytest.raises(ConfigError, match="edited since"):
        make_dataset(first)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n0,1\n", "line 1: expected a first line that names the columns a, b and c, found 'a,b'\\.$"),
        ("x,y,z\n0,1,2\n", "line 1: expected a first line that names .*, found 'x,y,z'\\.$"),
        ("a;b;c\n0;1;2\n", "line 1: .*, found 'a;b;c'\\. Separate by commas\\.$"),
        ("a\tb\tc\n0\t1\t2\n", r"line 1: .*\. Separate by commas\.$"),
        ("", "line 1: .*found nothing"),
        ("a,b,c\n", "at least one pair"),
        ("a,b,c,c\n0,1,2,3\n", "each column once, found c twice"),
        ("a,b,c\n0,1,2,3\n", "line 2: expected 3 cells"),
        pytest.param(f"a,b,c\n{'x' * 200_000},1,2\n", "line 2: expected cells of text", id="long cell"),
        ("a,b,c\n0,1,2\n0,,2\n", "line 3: expected a value in each"),
        ("a,b,c\n0,1,2\n1,1,1\n0,1,1\n", "line 4: expected each pair once, found 0, 1 again, as in line 2"),
    ],
)
def test_what_is_wrong_with_a_table_is_said_with_its_line(here, text, said):
    with pytest.raises(ConfigError, match=said):
        make_dataset(of_table(here, text))


def test_bytes_that_are_no_text_are_refused(here):
    (here / "table.csv").write_bytes(b"a,b,c\n\xff\xfe,1,2\n")
    with pytest.raises(ConfigError, match="UTF-8"):
        count_pairs(Dataset(operation=str(find("table.csv")), train_fraction=0.5))


def test_a_table_takes_no_modulus_and_a_function_no_group(here):
    with pytest.raises(ValueError, match="a table names its own elements"):
        of_table(here, "a,b,c\n0,1,2\n", modulus=5)
    with pytest.raises(ValueError, match="expected modulus"):
        of_function(here, "return a", modulus=None, group="S3")


def test_two_spellings_of_a_number_are_two_elements_in_one_order(here):
    dataset = of_table(here, "a,b,c\n01,1,2\n1,2,01\n")
    assert make_dataset(dataset)[["a", "b", "c"]].to_numpy().tolist() == [[0, 1, 2], [1, 2, 0]]


def test_a_number_of_thousands_of_digits_is_a_text(here):
    assert count_pairs(of_table(here, f"a,b,c\n{'9' * 5000},1,2\n1,1,1\n")) == 2
