"""Says how many chapters fall to their own novel. Usage: austen_chapters.py FOLDER_WITH_W LABELS"""

import itertools
import sys

import numpy as np

folder, labels_path = sys.argv[1:]
w = np.load(f"{folder}/W.npy")
with open(labels_path) as file:
    labels = np.array(file.read().splitlines())
novels = list(dict.fromkeys(labels))

# A chapter falls to its largest component; components are assigned to novels one to one, as well as it can be done.
component = w.argmax(axis=1)
count = np.array([[np.sum((component == c) & (labels == novel)) for novel in novels] for c in range(w.shape[1])])
best = max(itertools.permutations(range(len(novels))), key=lambda p: sum(count[c, n] for c, n in enumerate(p)))
for c, n in enumerate(best):
    print(f"  component {c} is {novels[n]}: {count[c, n]} of its {np.sum(labels == novels[n])} chapters")
own = sum(count[c, n] for c, n in enumerate(best))
print(f"{own} of {len(labels)} chapters fall to their own novel")
