"""The campaign finds faults that are planted in its processes: so its zeros mean something."""

import math
import sys

import pytest

from fuzz.__main__ import main, run
from fuzz.processes import Job

PAILLIER, CKKS = "ciphertext · Paillier · paillier", "ciphertext · CKKS · seal"


def campaign(folder, part, count, **options):
    return run(Job(part, 0, **options), range(count), folder, math.inf)


FAULTS = {
    "raw": (6, PAILLIER, "raw exception · ValueError at"),
    "segfault": (4, PAILLIER, "crash · SIGSEGV"),
    "demand": (2, PAILLIER, "memory · MemoryError at"),
    "greed": (2, PAILLIER, "memory"),
    "slow": (4, PAILLIER, "slow"),
    "unchecked": (40, CKKS, "differs"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_reading_bytes_is_found_and_the_campaign_goes_on(fault, tmp_path):
    if fault == "demand" and sys.platform != "linux":
        pytest.skip("only Linux limits the addresses of a process")
    count, entry, kind = FAULTS[fault]
    report = campaign(tmp_path, "bytes", count, entry=entry, plant=f"planted:{fault}")
    assert sum(report.tried.values()) == count
    assert any(found.startswith(kind) for found in report.findings), report.findings
    kept = {path.suffix for path in tmp_path.glob("bytes-0-*")}
    assert kept == {".bin", ".txt"}


def test_a_process_that_hangs_is_ended_and_told(tmp_path):
    report = campaign(tmp_path, "bytes", 2, entry=PAILLIER, plant="planted:hang", patience=3.0)
    assert any(found.startswith("hang") for found in report.findings)
    assert sum(report.tried.values()) == 2


WRONG = {
    "wrong_turn": ("circuits", 40, "CKKS · seal", "wrong"),
    "wrong_product": ("circuits", 40, "BFV · seal", "wrong"),
    "too_sure": ("circuits", 40, "CKKS · pyfhel", "wrong"),
    "wrong_bound": ("circuits", 40, "CKKS · seal", "wrong"),
    "raw_sum": ("circuits", 40, "CKKS · plain", "raw exception · IndexError"),
    "wrong_scores": ("networks", 4, "refresh", "wrong"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_result_is_found_with_the_code_that_gives_it(fault, tmp_path):
    part, count, entry, kind = WRONG[fault]
    report = campaign(tmp_path, part, count, entry=entry, plant=f"planted:{fault}")
    found = [v for k, verdicts in report.findings.items() if k.startswith(kind) for v in verdicts]
    assert found
    assert ("v.append(" in found[0].detail) == (part == "circuits")


def test_a_process_that_does_not_start_ends_the_campaign(tmp_path):
    report = campaign(tmp_path, "bytes", 10**6, plant="planted:no_start")
    assert report.found == sum(report.tried.values()) == 1


def test_the_command_that_is_printed_finds_the_same_again(tmp_path, capsys):
    options = ["--only", "bytes", "--entry", CKKS, "--plant", "planted:unchecked"]
    options += ["--folder", str(tmp_path)]
    assert main([*options, "--count", "40"]) > 0
    said = capsys.readouterr().out
    again = next(line for line in said.splitlines() if "again: " in line)
    number = again.rpartition("--case ")[2]
    assert main([*options, "--case", number]) == 1
    assert "FOUND" in capsys.readouterr().out
