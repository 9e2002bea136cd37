//! Makes PyO3's `cfg(Py_3_x)` known here, and leaves out of the extension module the names of its functions, a tenth of it, which
//! only a debugger reads; `UFUNX_SYMBOLS=1` keeps them.

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
    println!("cargo:rerun-if-env-changed=UFUNX_SYMBOLS");
    let linux = std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux");
    if linux && std::env::var_os("UFUNX_SYMBOLS").is_none() {
        println!("cargo:rustc-cdylib-link-arg=-Wl,--strip-all");
    }
}
