//! The layer between lane functions and the loop ABI: everything that is generic over an operation lives here, and
//! nothing else in the engine is.
//!
//! `level` enters an ISA level through pulp; `pack` turns erased pointers into slices; `kernel` runs a lane function
//! over a block, `math` one with special cases, `small` one on narrow floats, `fold` a reduction; `groups` makes the `LoopDef`s of a whole dtype class at once.

pub mod fold;
pub mod groups;
pub mod kernel;
pub mod level;
pub mod math;
pub mod pack;
pub mod small;
