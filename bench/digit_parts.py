"""Prints the parts, the rows of H, as pictures of 8 x 8 pixels. Usage: digit_parts.py FOLDER_WITH_H"""

import shutil
import sys

import numpy as np

SHADES = " ░▒▓█"

h = np.load(f"{sys.argv[1]}/H.npy").reshape(-1, 8, 8)
level = np.round(h / h.max(axis=(1, 2), keepdims=True) * (len(SHADES) - 1)).astype(int)
pictures = [["".join(SHADES[v] * 2 for v in row) for row in part] for part in level]
per_line = max(1, shutil.get_terminal_size().columns // 19)
for first in range(0, len(pictures), per_line):
    for rows in zip(*pictures[first : first + per_line]):
        print("  " + " │ ".join(rows))
    print()
