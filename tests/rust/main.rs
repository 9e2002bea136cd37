//! The engine's integration tests, one binary, a module per topic. `UFUNX_TEST_SEED` varies the random ones.

mod accuracy;
mod big;
mod bits;
mod common;
mod dims;
mod dispatch;
mod division;
mod embed;
mod errors;
mod flags;
mod fuzz_corpus;
mod golden;
mod isa_agree;
mod layouts;
mod loops;
mod made;
mod memory;
mod out_of_memory;
mod overlap;
mod pairwise;
mod products;
mod program;
mod reductions;
mod references;
mod threads;
