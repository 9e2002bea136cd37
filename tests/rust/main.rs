//! The engine's integration tests, one binary, a module per topic. `UFUNX_TEST_SEED` varies the random ones.

mod common;
mod golden;
mod layouts;
mod loops;
mod overlap;
