"""Writes the tables of these examples: invented, small, and the same every time.

    python examples/tables/make_tables.py [FOLDER]

They are as other programs write them: semicolons and decimal commas, unix times, gaps, several rows a patient, a Korean
export, a class that is rare, a file that is sorted and numbered, and a number to predict.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

SEED = 20240331
START = 1_711_843_200  # 2024-03-31, midnight in UTC


def logistic(score: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """True with the probability that a score stands for."""
    return rng.random(len(score)) < 1 / (1 + np.exp(-score))


def bank(rng: np.random.Generator) -> pd.DataFrame:
    """Calls of a bank: who takes out a deposit."""
    rows = 600
    job = rng.choice(["admin.", "technician", "services", "management", "retired", "student"], rows)
    education = rng.choice(["primary", "secondary", "tertiary", "unknown"], rows, p=[0.15, 0.5, 0.3, 0.05])
    outcome = rng.choice(["failure", "success", "none"], rows, p=[0.15, 0.1, 0.75])
    age = rng.integers(19, 85, rows)
    balance = (rng.gamma(1.5, 900, rows) - 400).round(2)
    score = 2.5 * (outcome == "success") + 1.2 * (job == "student") + 1.0 * (age > 60) + balance / 2500 - 1.8
    return pd.DataFrame(
        {
            "age": age,
            "job": job,
            "education": education,
            "balance": balance,
            "calls": rng.integers(1, 9, rows),
            "outcome_before": outcome,
            "deposit": np.where(logistic(2 * score, rng), "yes", "no"),
        }
    )


def sensors(rng: np.random.Generator) -> pd.DataFrame:
    """A machine's log over two hours, in unix seconds: its bearing is worn after a while, sooner under load."""
    rows = 600
    time = START + np.sort(rng.integers(0, 7200, rows))
    load = rng.random(rows).round(3)
    worn = (time - START) / 600 + 4 * load + rng.normal(0, 0.5, rows) > 8
    return pd.DataFrame(
        {
            "time": time,
            "load": load,
            "pressure": (101_325 + rng.normal(0, 40, rows)).round(1),
            "vibration": (0.2 + 0.05 * worn + rng.normal(0, 0.05, rows)).round(4),
            "state": np.where(worn, "worn", "fine"),
        }
    )


def visits(rng: np.random.Generator) -> pd.DataFrame:
    """Several visits of every patient, with measurements that were not always made."""
    rows, patients = 500, 80
    patient = rng.integers(0, patients, rows)
    ill = logistic(rng.normal(0, 2, patients), rng)[patient]
    glucose = (95 + 30 * ill + rng.normal(0, 15, rows)).round()
    pressure = (120 + 12 * ill + rng.normal(0, 12, rows)).round()
    glucose[rng.random(rows) < 0.15] = np.nan
    pressure[rng.random(rows) < 0.3] = np.nan
    return pd.DataFrame(
        {
            "patient": [f"P{number:03}" for number in patient],
            "age": rng.integers(20, 90, patients)[patient],
            "glucose": glucose,
            "pressure": pressure,
            "smoker": rng.choice(["yes", "no"], patients)[patient],
            "diagnosis": np.where(ill, "diabetic", "healthy"),
        }
    )


def loans(rng: np.random.Generator) -> pd.DataFrame:
    """Loans as a Korean office program exports them."""
    rows = 500
    income = rng.integers(180, 900, rows) * 10
    amount = rng.integers(10, 400, rows) * 10
    job = rng.choice(["회사원", "자영업", "공무원", "학생"], rows, p=[0.5, 0.25, 0.15, 0.1])
    score = (income - 3 * amount) / 1500 + 1.5 * (job == "공무원") - 1.5 * (job == "학생") + rng.normal(0, 0.5, rows)
    days = pd.Timestamp("2024-01-02") + pd.to_timedelta(rng.integers(0, 180, rows), "D")
    return pd.DataFrame(
        {
            "접수일": days.strftime("%Y.%m.%d"),
            "직업": job,
            "지역": rng.choice(["서울", "부산", "대구", "광주", "제주"], rows),
            "소득": income,
            "금액": amount,
            "결과": np.select([score > 0.5, score > -0.8], ["승인", "보류"], "거절"),
        }
    )


def payments(rng: np.random.Generator) -> pd.DataFrame:
    """Card payments in the order of their time; one in twenty-five is a fraud."""
    rows = 1000
    fraud = np.zeros(rows, bool)
    fraud[rng.permutation(rows)[:40]] = True
    moments = pd.Timestamp("2024-05-01") + pd.to_timedelta(np.sort(rng.integers(0, 60 * 24 * 60, rows)), "min")
    return pd.DataFrame(
        {
            "paid_at": moments.strftime("%Y-%m-%d %H:%M"),
            "amount": np.exp(rng.normal(3.2 + 1.4 * fraud, 0.9, rows)).round(2),
            "minutes_since_last": np.exp(rng.normal(6 - 2 * fraud, 1.2, rows)).round(1),
            "country": np.where(rng.random(rows) < 0.1 + 0.4 * fraud, "abroad", "home"),
            "entry": rng.choice(["chip", "online", "stripe"], rows, p=[0.6, 0.3, 0.1]),
            "fraud": fraud.astype(int),
        }
    )


def customers(rng: np.random.Generator) -> pd.DataFrame:
    """Customers, sorted by whether they left, with an index and a number: both give the answer away."""
    rows = 500
    months = rng.integers(1, 72, rows)
    complaints = rng.poisson(1.0, rows)
    left = logistic(complaints - months / 18, rng)
    table = pd.DataFrame(
        {
            "customer_id": 0,
            "months": months,
            "complaints": complaints,
            "plan": rng.choice(["basic", "family", "premium"], rows),
            "left": np.where(left, "yes", "no"),
        }
    ).sort_values("left", kind="stable", ignore_index=True)
    return table.assign(customer_id=np.arange(40_000, 40_000 + 7 * rows, 7))


def heating(rng: np.random.Generator) -> pd.DataFrame:
    """Houses, and the heat that a square metre of each takes in a year: more behind walls that are old and thin."""
    rows = 400
    year = rng.integers(1920, 2021, rows)
    area = rng.gamma(6, 22, rows).round(0) + 30
    kind = rng.choice(["detached", "terraced", "flat"], rows, p=[0.45, 0.3, 0.25])
    insulation = np.clip((year - 1965) / 4 + rng.normal(0, 4, rows), 0, 24).round(1)
    windows = rng.uniform(0.08, 0.4, rows).round(3)
    degree_days = rng.normal(3000, 350, rows).round(0)
    outside = np.select([kind == "detached", kind == "terraced"], [1.0, 0.75], 0.5)
    lost = outside * (1.9 / (1 + insulation / 4) + 2.2 * windows) * (1 + 25 / area) + 0.25
    return pd.DataFrame(
        {
            "year_built": year,
            "area_m2": area,
            "kind": kind,
            "insulation_cm": insulation,
            "window_share": windows,
            "degree_days": degree_days,
            "kwh_per_m2": (lost * degree_days / 32 * rng.lognormal(0, 0.08, rows)).round(1),
        }
    )


def write(folder: Path) -> None:
    """Write all tables into a folder."""
    tables = {table.__name__: table(np.random.default_rng(SEED)) for table in (bank, sensors, visits, loans, payments)}
    text = {"index": False, "lineterminator": "\n"}
    tables["bank"].to_csv(folder / "bank.csv", sep=";", decimal=",", **text)
    tables["sensors"].to_csv(folder / "sensors.csv", **text)
    tables["visits"].to_csv(folder / "visits.csv", **text)
    tables["loans"].to_csv(folder / "loans.csv", encoding="cp949", **text)
    tables["payments"].to_csv(folder / "payments.csv", **text)
    heating(np.random.default_rng(SEED)).to_csv(folder / "heating.csv", sep=";", decimal=",", **text)
    customers(np.random.default_rng(SEED)).to_csv(folder / "customers.csv", lineterminator="\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
