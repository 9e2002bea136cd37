"""A first call: NumPy's answer, by another engine."""

import numpy as np

import ufunx as ux

x = np.linspace(0.0, 1.0, 5)
print("ux.sqrt(x)              ", ux.sqrt(x))
print("ux.add(x, 1)            ", ux.add(x, 1))
print("ux.less(x, x[:, None])\n", ux.less(x, x[:, None]))

np.testing.assert_array_equal(ux.sqrt(x), np.sqrt(x))
np.testing.assert_array_equal(ux.add(x, 1), np.add(x, 1))
np.testing.assert_array_equal(ux.less(x, x[:, None]), np.less(x, x[:, None]))
print("as NumPy has it:", ux.show_config())
