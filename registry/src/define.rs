//! The `ufunc!` macro: one block, one ufunc.

/// Defines a ufunc and adds it to the table.
///
/// ```ignore
/// ufunc! {
///     /// Adds arguments element-wise.
///     add(x1, x2) -> (y);
///     loops: [&ints::<Add>(), &floats::<Add>()];
///     identity: Identity::Zero;      // any field of `UfuncDef`, the rest have defaults
/// }
/// ```
/// makes `pub static add: UfuncDef` inside a hidden module named like the ufunc, and submits it to the inventory.
/// Name the defining crate in every consumer (`use my_crate as _;`), or the linker may drop what it registers.
#[macro_export]
macro_rules! ufunc {
    ($(#[doc = $doc:literal])* $name:ident ( $($input:ident),+ ) -> ( $($output:ident),+ );
     loops: [$($loops:expr),* $(,)?]; $($field:ident : $value:expr;)*) => {
        const _: () = {
            static DEF: $crate::UfuncDef = $crate::UfuncDef {
                $($field: $value,)*
                ..$crate::UfuncDef::new(
                    stringify!($name),
                    concat!($($doc, "\n"),*),
                    (&[$(stringify!($input)),+], &[$(stringify!($output)),+]),
                    &[$($loops),*],
                )
            };
            $crate::inventory::submit! { $crate::Registration(&DEF) }
        };
    };
}
