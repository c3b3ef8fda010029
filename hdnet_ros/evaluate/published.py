"""Numbers that the papers print, each with where it stands; what could not be checked is left out."""

from __future__ import annotations

HDNET = "Lin & Lee, ECCV 2020 (arXiv 2007.08943)"
ROOTNET = "Moon et al., ICCV 2019 (arXiv 1907.11346)"

MRPE_SOURCE = (
    f"RootNet: {ROOTNET}, Human3.6M protocol 2, as in its repository's table. HDNet: z from Table 6 of {HDNET}."
    " Both on Human3.6M, subjects 9 and 11, every 64th frame."
)
MRPE_MM: dict[str, dict[str, float]] = {
    "RootNet (published, Human3.6M)": {"mrpe": 120.0, "x": 23.3, "y": 23.0, "z": 108.1},
    "HDNet (published, Human3.6M)": {"z": 69.9},
}

AP_SOURCE = f"Table 6 of {HDNET}, MuPoTS-3D, within 25 cm; percent."
AP_ROOT_25: dict[str, float] = {"RootNet (published)": 31.0, "HDNet (published)": 39.4}

PCK_SOURCE = (
    "MuPoTS-3D, matched people, percent of joints within 150 mm, for both papers as later work quotes them"
    " (Cheng et al., CVPR 2021, arXiv 2104.01797)."
)
PCK3D: dict[str, dict[str, float]] = {
    "RootNet (published)": {"relative": 82.5, "absolute": 31.8},
    "HDNet (published)": {"relative": 83.7, "absolute": 35.2},
}

ABLATION_SOURCE = f"Table 6 of {HDNET}: MRPE z on Human3.6M in mm, AP of the root within 25 cm on MuPoTS-3D in percent."
ABLATIONS: dict[str, dict[str, float]] = {
    "RootNet": {"mrpe_z_mm": 108.1, "ap_25": 31.0},
    "direct regression": {"mrpe_z_mm": 94.5, "ap_25": 27.3},
    "shared feature branch": {"mrpe_z_mm": 72.0, "ap_25": 31.9},
    "without GNN": {"mrpe_z_mm": 72.9, "ap_25": 32.7},
    "without heatmap pooling": {"mrpe_z_mm": 71.8, "ap_25": 26.0},
    "full": {"mrpe_z_mm": 69.9, "ap_25": 39.4},
}
