//! x
pub use ufunx_registry as registry;
pub mod fperr;
pub mod simd;
pub mod kernels;
/// Defines a ufunc
#[macro_export]
macro_rules! ufunc {
    ($(#[doc = $doc:literal])* $name:ident ( $($input:ident),+ ) -> ( $($output:ident),+ ) = $op:ty; $($rest:tt)*) => {
        $crate::registry::ufunc! { $(#[doc = $doc])* $name($($input),+) -> ($($output),+); $($rest)* }
    };
}
