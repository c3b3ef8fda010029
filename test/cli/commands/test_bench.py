"""`hdnet bench` through the installed executable: it ends soon, and says what ran and on what."""

import json
import subprocess


def test_bench_compares_engines_and_ends(installed, tmp_path):
    out = tmp_path / "bench.json"
    command = [installed("hdnet"), "bench", "--minutes", "0", "--people", "1", "--no-busy", "--no-node", "--out", str(out)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=900, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    found = json.loads(out.read_text())
    assert found["machine"]["processor"] in result.stdout
    assert all(flag in result.stdout for flag in found["machine"]["flags"])
    assert f"written to {out} after" in result.stdout
    assert "busy" not in result.stdout and found["busy"] == {} and "demo" not in found
    # PyTorch, the reference, is compared with itself.
    reference, *others = found["engines"].values()
    assert reference["1"]["ratio_median"] == 1.0
    for rows in (*found["authors"].values(), *others):
        row = rows["1"]
        assert row["slow"]["repeats"] == row["fast"]["repeats"] == 2
        assert row["ratio_p25"] <= row["ratio_median"] <= row["ratio_p75"]
    assert list(found["detectors"]) == ["fast", "good", "wide"]
    for row in found["detectors"].values():
        assert row["images_per_s_with_5_people"] > 0 and row["images_per_s_with_5_people_at_once"] > 0
