"""Columns of a table of pandas: arithmetic, logarithms, masks and groups."""

import numpy as np
import pandas as pd

TOLERANCE = 1e-10


def make(scale=1.0):
    rng = np.random.default_rng(23)
    n = max(100, int(50_000 * scale))
    return (
        pd.DataFrame(
            {
                "shop": rng.integers(0, 20, n),
                "price": rng.lognormal(2, 0.7, n),
                "count": rng.integers(1, 30, n),
                "discount": np.where(rng.random(n) < 0.3, rng.uniform(0, 0.5, n), np.nan),
            }
        ),
    )


def run(table):
    t = table.copy()
    t["discount"] = t["discount"].fillna(0.0)
    t["value"] = t["price"] * t["count"] * (1 - t["discount"])
    t["log"] = np.log(t["value"])
    t["score"] = (t["log"] - t["log"].mean()) / t["log"].std()
    t["class"] = np.where(t["value"] > 200, 2, np.where(t["value"] > 50, 1, 0))
    t["near"] = np.exp(-np.square(t["score"]))
    cheap = t[(t["price"] < 5) & (t["count"] >= 10)]
    shops = t.groupby("shop")["value"].agg(["sum", "mean", "max"])
    share = shops["sum"] / shops["sum"].sum()
    rounded = np.round(np.sqrt(t["price"]), 2)
    clipped = np.clip(t["score"], -2, 2)
    return (
        t["score"].to_numpy(),
        t["class"].to_numpy(),
        t["near"].sum(),
        cheap["value"].sum(),
        share.to_numpy(),
        shops.to_numpy(),
        rounded.to_numpy(),
        np.abs(clipped).mean(),
        np.maximum(t["price"], t["value"]).to_numpy(),
    )
