//! x
pub use ufunx_registry as registry;
pub mod fperr;
pub mod simd;
pub mod kernels;
pub mod operand;
pub mod overlap;
pub mod stage;
pub mod cast;
pub mod tuning;
pub mod threads;
pub mod plan;
pub mod exec;
pub mod error;
pub mod array;
pub mod call;
pub use error::Error;
/// Defines a ufunc
#[macro_export]
macro_rules! ufunc {
    ($(#[doc = $doc:literal])* $name:ident ( $($input:ident),+ ) -> ( $($output:ident),+ ) = $op:ty; $($rest:tt)*) => {
        $crate::registry::ufunc! { $(#[doc = $doc])* $name($($input),+) -> ($($output),+); $($rest)* }
    };
}
