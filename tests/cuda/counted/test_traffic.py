"""orthant bench --traffic: what kernels move, by the rig that counts it."""

import json

import pytest

SIZES = [
    {"name": "dense", "rows": 64, "columns": 32, "rank": 8},
    {"name": "sparse", "rows": 90, "columns": 80, "nonzeros": 900, "rank": 8},
]


@pytest.fixture
def count(orthant, folder):
    (folder / "sizes.json").write_text(json.dumps(SIZES))
    return lambda *arguments: orthant("bench", "--scale", "sizes.json", "--traffic", *arguments).stdout


def test_counts_of_an_iteration(count):
    rows = json.loads(count("--loss", "frobenius", "--solver", "hals", "--json"))["results"]
    dense, sparse = ({t["name"]: t for t in row["traffic"]} for row in rows)
    update = next(t for name, t in dense.items() if "::update_columns<" in name)
    factors = 4 * 8 * (64 + 32)
    assert update["launches"] == 2  # of W and of H
    assert 2 * factors <= update["bytes_read"] and factors <= update["bytes_written"] <= 2 * factors
    assert any(t["bytes_read"] is None and t["launches"] == 2 for t in dense.values())  # X by cuBLAS
    gather = next(t for name, t in sparse.items() if "::gather<" in name)
    assert gather["launches"] == 2 and gather["bytes_read"] > 2 * 900 * 8
    for row in rows:
        counted = [t for t in row["traffic"] if t["bytes_read"] is not None]
        assert row["kernel_bytes"] == sum(t["bytes_read"] + t["bytes_written"] for t in counted)
        assert row["bytes"] > 0 and "milliseconds" not in row


def test_counts_are_the_same_again_and_printed(count):
    options = ("sparse", "--loss", "kullback-leibler", "--solver", "mu")
    text = count(*options)
    assert text == count(*options) and text.startswith("COUNTED in the rig, of one iteration")
    (row,) = json.loads(count(*options, "--json"))["results"]
    for t in row["traffic"]:
        told = f"{t['launches']} x, {t['bytes_read']} bytes read, {t['bytes_written']} written"
        assert f"    {t['name']}: {told}\n" in text


def test_what_is_counted_is_no_prediction(orthant):
    assert "--model and --traffic exclude each other" in orthant.error("bench", "--traffic", "--model", "h100", code=2)
