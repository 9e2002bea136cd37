//! The layer between lane functions and the loop ABI: everything that is generic over an operation lives here, and
//! nothing else in the engine is.
//!
//! `level` enters an ISA level through pulp; `pack` turns erased pointers into slices; `kernel` runs a lane function
//! over a block, `math` and `parted` one with special cases, `narrow` one on floats below f32
//! (`narrow_math` on f16 in registers), `fold` a reduction, `core` one over whole axes, `forms`
//! scans, indexed updates and folds of many stretches; `chosen` moves what a mask chooses; `classes` makes the `LoopDef`s of a whole dtype class at once.

pub mod chosen;
pub mod classes;
pub mod complex;
pub mod core;
pub mod fold;
mod forms;
pub mod kernel;
pub mod level;
pub mod math;
pub mod narrow;
pub mod narrow_floats;
pub mod narrow_math;
pub mod pack;
pub mod parted;
