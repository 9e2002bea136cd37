//! The engine's integration tests, one binary, a module per topic. `UFUNX_TEST_SEED` varies the random ones.

mod common;
mod dims;
mod flags;
mod golden;
mod layouts;
mod loops;
mod overlap;
mod pairwise;
mod reductions;
mod threads;
