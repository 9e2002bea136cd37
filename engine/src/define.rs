//! `ufunc!`: the registry's record, and the typed functions that call it.

/// Defines a ufunc: one block makes its entry in the table (so that [`crate::ufunc()`] finds it by name, and every
/// test and bench that walks the table covers it) and its typed functions.
///
/// A ufunc that computes over whole axes says over which in place of `= Type`: `over "(n,k),(m,k)->(n,m)"`
/// ([`crate::simd::core`] has one). Its typed function makes an array of any number of dimensions.
///
/// `loops` names dtype classes and how each is run ([`crate::loops!`]), or is a list of lists of loops. After it come the fields of [`crate::registry::UfuncDef`] that are not the default, in any order.
///
/// ```
/// use ufunx::simd::{classes::{One, quiet}, kernel::Lane, level::Madd};
///
/// /// Twice the value.
/// pub struct Double;
/// impl Lane<(f32,)> for Double {
///     type Out = f32;
///     #[inline(always)]
///     fn lane<M: Madd>(_: M, (x,): (f32,)) -> f32 { x + x }
/// }
/// impl Lane<(f64,)> for Double {
///     type Out = f64;
///     #[inline(always)]
///     fn lane<M: Madd>(_: M, (x,): (f64,)) -> f64 { x + x }
/// }
/// ufunx::ufunc! {
///     /// Twice the value, element-wise.
///     double(x) -> (y) = Double;
///     loops: &[&quiet::floats::<One, Double>()];
///     examples: &[("[1.0, 2.5]", "array([2., 5.])")];
/// }
///
/// let a = ndarray::array![1.0, 2.5];
/// assert_eq!(double(&a)?, ndarray::array![2.0, 5.0]);
/// assert_eq!(ufunx::ufunc("double")?.nin(), 1);
/// # Ok::<(), ufunx::Error>(())
/// ```
#[macro_export]
macro_rules! ufunc {
    ($(#[doc = $doc:literal])* $name:ident $inputs:tt -> $outputs:tt = $op:ty;
     loops: { $($classes:tt)* }; $($fields:tt)*) => {
        $crate::ufunc! {
            $(#[doc = $doc])* $name $inputs -> $outputs = $op; loops: $crate::loops! { $($classes)* }; $($fields)*
        }
    };
    ($(#[doc = $doc:literal])* $name:ident ( $($input:ident),+ ) -> ( $output:ident ) over $core:literal;
     loops: $loops:expr; $($field:ident : $value:expr;)*) => {
        $crate::pastey::paste! {
            #[doc = "The definition of `" $name "`."]
            pub static [<$name:upper>]: $crate::registry::UfuncDef = {
                const LOOPS: &[&[$crate::registry::LoopDef]] = $loops;
                let mut def = $crate::registry::UfuncDef::new(
                    stringify!($name),
                    concat!($($doc, "\n"),*),
                    (&[$(stringify!($input)),+], &[stringify!($output)]),
                    LOOPS,
                );
                def.core = Some($core);
                $(def.$field = $value;)*
                def
            };
            $crate::registry::submit! { [<$name:upper>] }

            $(#[doc = $doc])*
            ///
            /// An array of as many dimensions as the operands make it.
            pub fn $name<'a, T: $crate::registry::UserElement>(
                $($input: impl Into<$crate::Input<'a>>),+
            ) -> Result<$crate::ndarray::ArrayD<T>, $crate::Error> {
                let inputs = [$($input.into()),+];
                $crate::call::call(&[<$name:upper>], &inputs, &Default::default())?.one().into_ndarray()
            }
        }
    };
    ($(#[doc = $doc:literal])* $name:ident ( $($input:ident),+ ) -> ( $($output:ident),+ ) = $op:ty;
     loops: $loops:expr; $($field:ident : $value:expr;)*) => {
        $crate::pastey::paste! {
            #[doc = "The definition of `" $name "`."]
            pub static [<$name:upper>]: $crate::registry::UfuncDef = {
                const LOOPS: &[&[$crate::registry::LoopDef]] = $loops;
                #[allow(unused_mut, reason = "there may be no further field")]
                let mut def = $crate::registry::UfuncDef::new(
                    stringify!($name),
                    concat!($($doc, "\n"),*),
                    (&[$(stringify!($input)),+], &[$(stringify!($output)),+]),
                    LOOPS,
                );
                $(def.$field = $value;)*
                def
            };
            $crate::registry::submit! { [<$name:upper>] }
            $crate::value_function! {
                [$(#[doc = $doc])*] [<$name _of>] [<$name:upper>] ($($input),+) ($($output),+)
            }
            $crate::typed_functions! {
                [$(#[doc = $doc])*] $name [<$name _into>] [<$name _inplace>] [<$name:upper>]
                ($($input),+) ($($output),+) $op
            }
        }
    };
}

/// The function of a ufunc on the values of a program.
#[doc(hidden)]
#[macro_export]
macro_rules! value_function {
    ([$(#[$doc:meta])*] $name:ident $def:ident ($($x:ident),+) ($y:ident)) => {
        $(#[$doc])*
        ///
        /// In a program.
        pub fn $name($($x: impl Into<$crate::program::Value>),+) -> $crate::program::Value {
            $crate::program::Value::of(&$def, vec![$($x.into()),+], 0)
        }
    };
    ([$(#[$doc:meta])*] $name:ident $def:ident ($($x:ident),+) ($y:ident, $z:ident)) => {
        $(#[$doc])*
        ///
        /// In a program.
        pub fn $name($($x: impl Into<$crate::program::Value>),+) -> [$crate::program::Value; 2] {
            let inputs = vec![$($x.into()),+];
            [0, 1].map(|output| $crate::program::Value::of(&$def, inputs.clone(), output))
        }
    };
    ($($other:tt)*) => {};
}

/// The typed functions of a ufunc with one or two inputs of one dtype and one or two outputs; a ufunc of another shape has
/// none, and is called by name.
#[doc(hidden)]
#[macro_export]
macro_rules! typed_functions {
    ([$(#[$doc:meta])*] $name:ident $into:ident $inplace:ident $def:ident ($x:ident) ($y:ident) $op:ty) => {
        $(#[$doc])*
        pub fn $name<T, A>(
            $x: A,
        ) -> Result<$crate::ndarray::Array<$crate::typed::OutOf<$op, (T::Lane,)>, A::Dim>, $crate::Error>
        where
            T: $crate::registry::UserElement,
            A: $crate::typed::TypedInput<T>,
            $op: $crate::typed::Takes<(T::Lane,), Out: $crate::registry::Element>,
        {
            $crate::typed::unary(&$def, &$x)
        }

        $(#[$doc])*
        ///
        /// Into a given array.
        pub fn $into<T, A, S, D>(
            $x: A,
            $y: &mut $crate::ndarray::ArrayBase<S, D>,
        ) -> Result<(), $crate::Error>
        where
            T: $crate::registry::UserElement,
            A: $crate::typed::TypedInput<T>,
            $op: $crate::typed::Takes<(T::Lane,), Out: $crate::registry::Element>,
            S: $crate::ndarray::DataMut<Elem = $crate::typed::OutOf<$op, (T::Lane,)>>,
            D: $crate::ndarray::Dimension,
        {
            $crate::typed::into(&$def, &[$x.view()], $y)
        }

        $(#[$doc])*
        ///
        /// In place.
        pub fn $inplace<T, S, D>($x: &mut $crate::ndarray::ArrayBase<S, D>) -> Result<(), $crate::Error>
        where
            T: $crate::registry::UserElement,
            $op: $crate::typed::Takes<(T::Lane,), Out = T::Lane>,
            S: $crate::ndarray::DataMut<Elem = T>,
            D: $crate::ndarray::Dimension,
        {
            $crate::typed::inplace(&$def, $x, &[])
        }
    };
    ([$(#[$doc:meta])*] $name:ident $into:ident $inplace:ident $def:ident ($a:ident, $b:ident) ($y:ident) $op:ty) => {
        $(#[$doc])*
        pub fn $name<T, A, B>(
            $a: A,
            $b: B,
        ) -> Result<
            $crate::ndarray::Array<
                $crate::typed::OutOf<$op, (T::Lane, T::Lane)>,
                $crate::typed::Both<A::Dim, B::Dim>,
            >,
            $crate::Error,
        >
        where
            T: $crate::registry::UserElement,
            A: $crate::typed::TypedInput<T, Dim: $crate::ndarray::DimMax<B::Dim>>,
            B: $crate::typed::TypedInput<T>,
            $op: $crate::typed::Takes<(T::Lane, T::Lane), Out: $crate::registry::Element>,
        {
            $crate::typed::binary(&$def, &$a, &$b)
        }

        $(#[$doc])*
        ///
        /// Into a given array.
        pub fn $into<T, A, B, S, D>(
            $a: A,
            $b: B,
            $y: &mut $crate::ndarray::ArrayBase<S, D>,
        ) -> Result<(), $crate::Error>
        where
            T: $crate::registry::UserElement,
            A: $crate::typed::TypedInput<T>,
            B: $crate::typed::TypedInput<T>,
            $op: $crate::typed::Takes<(T::Lane, T::Lane), Out: $crate::registry::Element>,
            S: $crate::ndarray::DataMut<Elem = $crate::typed::OutOf<$op, (T::Lane, T::Lane)>>,
            D: $crate::ndarray::Dimension,
        {
            $crate::typed::into(&$def, &[$a.view(), $b.view()], $y)
        }

        $(#[$doc])*
        ///
        /// Into the first operand.
        pub fn $inplace<T, B, S, D>(
            $a: &mut $crate::ndarray::ArrayBase<S, D>,
            $b: B,
        ) -> Result<(), $crate::Error>
        where
            T: $crate::registry::UserElement,
            B: $crate::typed::TypedInput<T>,
            $op: $crate::typed::Takes<(T::Lane, T::Lane), Out = T::Lane>,
            S: $crate::ndarray::DataMut<Elem = T>,
            D: $crate::ndarray::Dimension,
        {
            $crate::typed::inplace(&$def, $a, &[$b.view()])
        }
    };
    ([$(#[$doc:meta])*] $name:ident $into:ident $inplace:ident $def:ident ($x:ident) ($y:ident, $z:ident) $op:ty) => {
        $(#[$doc])*
        pub fn $name<T, A>(
            $x: A,
        ) -> Result<$crate::typed::Two<$crate::typed::OutsOf<$op, (T::Lane,)>, A::Dim>, $crate::Error>
        where
            T: $crate::registry::UserElement,
            A: $crate::typed::TypedInput<T>,
            $op: $crate::typed::Takes<(T::Lane,), Out: $crate::typed::Pair>,
        {
            $crate::typed::unary2::<T, $crate::typed::OutsOf<$op, (T::Lane,)>, A>(&$def, &$x)
        }

        $(#[$doc])*
        ///
        /// Into given arrays.
        pub fn $into<T, A, Y, Z, D>(
            $x: A,
            $y: &mut $crate::ndarray::ArrayBase<Y, D>,
            $z: &mut $crate::ndarray::ArrayBase<Z, D>,
        ) -> Result<(), $crate::Error>
        where
            T: $crate::registry::UserElement,
            A: $crate::typed::TypedInput<T>,
            $op: $crate::typed::Takes<(T::Lane,), Out: $crate::typed::Pair>,
            Y: $crate::ndarray::DataMut<Elem = $crate::typed::FirstOf<$op, (T::Lane,)>>,
            Z: $crate::ndarray::DataMut<Elem = $crate::typed::SecondOf<$op, (T::Lane,)>>,
            D: $crate::ndarray::Dimension,
        {
            $crate::typed::into2(&$def, &[$x.view()], $y, $z)
        }
    };
    ([$(#[$doc:meta])*] $name:ident $into:ident $inplace:ident $def:ident ($a:ident, $b:ident) ($y:ident, $z:ident)
     $op:ty) => {
        $(#[$doc])*
        pub fn $name<T, A, B>(
            $a: A,
            $b: B,
        ) -> Result<
            $crate::typed::Two<
                $crate::typed::OutsOf<$op, (T::Lane, T::Lane)>,
                $crate::typed::Both<A::Dim, B::Dim>,
            >,
            $crate::Error,
        >
        where
            T: $crate::registry::UserElement,
            A: $crate::typed::TypedInput<T, Dim: $crate::ndarray::DimMax<B::Dim>>,
            B: $crate::typed::TypedInput<T>,
            $op: $crate::typed::Takes<(T::Lane, T::Lane), Out: $crate::typed::Pair>,
        {
            $crate::typed::binary2::<T, $crate::typed::OutsOf<$op, (T::Lane, T::Lane)>, A, B>(&$def, &$a, &$b)
        }

        $(#[$doc])*
        ///
        /// Into given arrays.
        pub fn $into<T, A, B, Y, Z, D>(
            $a: A,
            $b: B,
            $y: &mut $crate::ndarray::ArrayBase<Y, D>,
            $z: &mut $crate::ndarray::ArrayBase<Z, D>,
        ) -> Result<(), $crate::Error>
        where
            T: $crate::registry::UserElement,
            A: $crate::typed::TypedInput<T>,
            B: $crate::typed::TypedInput<T>,
            $op: $crate::typed::Takes<(T::Lane, T::Lane), Out: $crate::typed::Pair>,
            Y: $crate::ndarray::DataMut<Elem = $crate::typed::FirstOf<$op, (T::Lane, T::Lane)>>,
            Z: $crate::ndarray::DataMut<Elem = $crate::typed::SecondOf<$op, (T::Lane, T::Lane)>>,
            D: $crate::ndarray::Dimension,
        {
            $crate::typed::into2(&$def, &[$a.view(), $b.view()], $y, $z)
        }
    };
    ($($other:tt)*) => {};
}
