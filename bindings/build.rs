//! Makes PyO3's `cfg(Py_3_x)` known here.

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
}
