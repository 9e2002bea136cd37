//! `submit!`: how a definition joins the table.

/// Adds a `static` [`crate::UfuncDef`] to the table. Name the defining crate in every consumer (`use my_crate as _;`),
/// or the linker may drop what it registers.
#[macro_export]
macro_rules! submit {
    ($def:path) => {
        const _: () = {
            $crate::inventory::submit! { $crate::Registration(&$def) }
        };
    };
}
