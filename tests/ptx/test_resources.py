"""Tests of resources.py: python3 test_resources.py NVCC"""

import pathlib
import sys
import tempfile
import unittest

import resources

HERE = pathlib.Path(__file__).resolve().parent
NVCC = sys.argv.pop(1) if len(sys.argv) > 1 else "nvcc"


def kernel(sm=80, threads=64, registers=32, shared=0, stack=0, spills=0):
    return resources.Kernel("file: kernel", sm, threads, registers, stack, spills, shared)


def held(**figures):
    """A table with one kernel."""
    values = dict(zip(resources.COLUMNS, resources.row(kernel()))) | {name: str(x) for name, x in figures.items()}
    return {("file: kernel", 80): values}


class Occupancy(unittest.TestCase):
    def test_blocks_equal_those_of_the_toolkits_calculator(self):
        """cuda_occupancy.h of CUDA 13.0 says so."""
        for sm, threads, registers, shared, blocks in [
            (75, 96, 56, 18440, 3), (75, 1024, 33, 40000, 1), (75, 256, 255, 8448, 1),
            (80, 64, 16, 8448, 17), (80, 64, 255, 0, 4), (80, 256, 56, 0, 4), (80, 256, 161, 8448, 1),
            (86, 1024, 40, 8448, 1), (86, 64, 80, 40000, 2), (90, 64, 33, 40000, 5), (90, 96, 128, 8448, 5),
            (120, 1024, 33, 0, 1), (120, 96, 80, 18440, 5), (120, 96, 40, 18440, 5),
        ]:  # fmt: skip
            with self.subTest(sm=sm, threads=threads, registers=registers, shared=shared):
                percent = round(100 * blocks * threads / 32 / resources.LIMITS[sm].warps)
                self.assertEqual(resources.occupancy(kernel(sm, threads, registers, shared)), percent)


class Failures(unittest.TestCase):
    def check(self, found, table, *expected):
        self.assertEqual(list(resources.failures([found], table)), [f"file: kernel, sm_80: {text}" for text in expected])

    def test_as_in_the_table_or_better(self):
        self.check(kernel(), held())
        self.check(kernel(registers=31), held())

    def test_worse_than_the_table(self):
        self.check(kernel(registers=33), held(occupancy=0), "33 registers, more than 32")
        self.check(kernel(registers=33), held(registers=40), "occupancy 75 %, less than 100 %")
        self.check(kernel(shared=8), held(), "8 shared, more than 0")
        self.check(kernel(stack=16), held(), "16 stack, more than 0")

    def test_spills_are_never_held(self):
        self.check(kernel(spills=4), held(), "4 bytes of spills")

    def test_kernels_and_rows_must_be_the_same(self):
        self.check(kernel(), {}, "not in the table")
        self.assertEqual(list(resources.failures([], held())),
                         ["file: kernel, sm_80: in the table, but there is no such kernel"])


class Compile(unittest.TestCase):
    def test_figures_of_ptxas_are_read(self):
        with tempfile.TemporaryDirectory() as folder:
            spilling, = resources.compile_one(NVCC, HERE.parents[1], HERE / "kernels/spills.cu", 80, pathlib.Path(folder))
            self.assertEqual((spilling.name, spilling.threads, spilling.registers), ("spills: spills", 1024, 32))
            self.assertGreater(spilling.spills, 0)
            self.assertGreater(spilling.stack, 0)
            several = resources.compile_one(NVCC, HERE.parents[1], HERE / "kernels/together.cu", 90, pathlib.Path(folder))
            found = {each.name: each for each in several}
            self.assertEqual(found["together: sum<float>"].threads, 256)
            self.assertEqual(found["together: sum<float>"].shared, 64)
            self.assertEqual(found["together: rotate_in_warp"].threads, 0)
            self.assertTrue(all(each.spills == 0 for each in several))

    def test_ptx_that_was_made_before_is_used(self):
        with tempfile.TemporaryDirectory() as folder:
            root, built = HERE.parents[1], pathlib.Path(folder) / "built"
            (built / "compute_90").mkdir(parents=True)
            made = resources.to_ptx(NVCC, root, HERE / "kernels/together.cu", 90, pathlib.Path(folder))
            made.rename(built / "compute_90/other.ptx")  # other.cu does not exist
            found = resources.compile_one(NVCC, root, HERE / "kernels/other.cu", 90, pathlib.Path(folder), built)
            self.assertIn("other: sum<float>", [each.name for each in found])


if __name__ == "__main__":
    unittest.main()
