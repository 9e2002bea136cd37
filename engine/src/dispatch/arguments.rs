//! The arguments of a call or a method in the one form that overrides are handed, and that the native path reads.
//!
//! Inputs positional, everything else by keyword, `out` as one entry per output, `sig` renamed to `signature`, nothing
//! that was not passed. Values are not looked into, so a wrong one is an override's business first.

use smallvec::SmallVec;

/// A ufunc's call, and its methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Method {
    Call,
    Outer,
    Reduce,
    Accumulate,
    Reduceat,
    At,
}

impl Method {
    /// Its name, as overrides are told.
    pub fn name(self) -> &'static str {
        match self {
            Method::Call => "__call__",
            Method::Outer => "outer",
            Method::Reduce => "reduce",
            Method::Accumulate => "accumulate",
            Method::Reduceat => "reduceat",
            Method::At => "at",
        }
    }

    /// Parameters that may be passed by position after the inputs.
    fn positional(self) -> &'static [Keyword] {
        use Keyword::*;
        match self {
            Method::Call | Method::Outer | Method::At => &[],
            Method::Reduce => &[Axis, Dtype, Out, Keepdims, Initial, Where],
            Method::Accumulate | Method::Reduceat => &[Axis, Dtype, Out],
        }
    }

    /// The inputs' own names, where a keyword may pass them.
    fn named_inputs(self) -> &'static [Keyword] {
        match self {
            Method::Call | Method::Outer | Method::At => &[],
            Method::Reduce | Method::Accumulate => &[Keyword::Array],
            Method::Reduceat => &[Keyword::Array, Keyword::Indices],
        }
    }
}

macro_rules! keywords {
    ($($variant:ident $text:literal)*) => {
        /// Every keyword there is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the names say it")]
        pub enum Keyword { $($variant),* }

        impl Keyword {
            /// All of them.
            pub const ALL: &[Keyword] = &[$(Keyword::$variant),*];

            /// As it is written.
            pub fn text(self) -> &'static str {
                match self { $(Keyword::$variant => $text),* }
            }

            /// The keyword of that name.
            pub fn of(text: &[u8]) -> Option<Keyword> {
                $(if text == $text.as_bytes() { return Some(Keyword::$variant) })*
                None
            }
        }
    };
}
keywords! {
    Out "out" Where "where" Dtype "dtype" Casting "casting" Order "order" Subok "subok" Signature "signature" Sig "sig"
    Axis "axis" Axes "axes" Keepdims "keepdims" Initial "initial" Array "array" Indices "indices"
}

/// What normalisation asks of a value.
pub trait Values {
    /// A value, by reference.
    type Value: Copy;
    /// `None`.
    fn is_none(&self, value: Self::Value) -> bool;
    /// `...`.
    fn is_ellipsis(&self, value: Self::Value) -> bool;
    /// `None` itself.
    fn none(&self) -> Self::Value;
    /// NumPy's mark for an `initial` that was not given.
    fn is_no_value(&self, value: Self::Value) -> bool;
    /// The entries, of a tuple.
    fn tuple(&self, value: Self::Value) -> Option<SmallVec<[Self::Value; 2]>>;
    /// Whether `out=...` is known (since NumPy 2.3).
    fn knows_ellipsis_out(&self) -> bool;
}

/// What is called.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Inputs.
    pub nin: usize,
    /// Outputs.
    pub nout: usize,
    /// Whether it has a core signature, as `matmul`.
    pub generalized: bool,
}

/// Arguments that cannot be, before any object is asked. What NumPy says of them is said at the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The method does not exist for such a ufunc.
    Method,
    /// Too few or too many positional arguments.
    Count,
    /// A keyword the call does not have.
    UnknownKeyword,
    /// An argument passed twice, or two that exclude each other.
    Conflict,
    /// An `out` of the wrong form.
    Output,
}

/// One entry per output.
pub type Outputs<T> = SmallVec<[T; 1]>;

/// Arguments in normal form.
#[derive(Clone, Debug, PartialEq)]
pub struct Normal<T> {
    /// The positional arguments.
    pub inputs: SmallVec<[T; 3]>,
    /// As they were passed, where others stand in their place by now.
    pub passed: Option<SmallVec<[T; 3]>>,
    /// The dtypes of new results, where another name is theirs than that of the loop's: one per output, or none.
    pub labels: Outputs<T>,
    /// One entry per output; `None` if no output was given.
    pub outputs: Option<Outputs<T>>,
    /// The keywords passed, in their order; `Out` stands for [`Normal::outputs`].
    pub keywords: SmallVec<[(Keyword, T); 4]>,
    /// Whether `out` was passed by keyword, were it `None`.
    pub out_by_keyword: bool,
    /// Whether results of no dimensions stay arrays (`out=...`).
    pub keep_arrays: bool,
}

impl<T: Copy> Normal<T> {
    /// Inputs and nothing else.
    pub fn of_inputs(inputs: &[T]) -> Normal<T> {
        Normal {
            inputs: SmallVec::from_slice(inputs),
            passed: None,
            labels: SmallVec::new(),
            outputs: None,
            keywords: SmallVec::new(),
            out_by_keyword: false,
            keep_arrays: false,
        }
    }

    /// The same of other values.
    pub fn map<U: Copy>(&self, f: impl Fn(T) -> U) -> Normal<U> {
        Normal {
            inputs: self.inputs.iter().map(|&v| f(v)).collect(),
            passed: self.passed.as_ref().map(|passed| passed.iter().map(|&v| f(v)).collect()),
            labels: self.labels.iter().map(|&v| f(v)).collect(),
            outputs: self.outputs.as_ref().map(|outputs| outputs.iter().map(|&v| f(v)).collect()),
            keywords: self.keywords.iter().map(|&(keyword, v)| (keyword, f(v))).collect(),
            out_by_keyword: self.out_by_keyword,
            keep_arrays: self.keep_arrays,
        }
    }

    /// The positional arguments as they were passed.
    pub fn passed(&self) -> &[T] {
        self.passed.as_ref().unwrap_or(&self.inputs)
    }

    /// The value of a keyword.
    #[inline]
    pub fn get(&self, keyword: Keyword) -> Option<T> {
        self.keywords.iter().find(|(k, _)| *k == keyword).map(|(_, value)| *value)
    }

    /// What overrides are looked for on: inputs, outputs, mask.
    pub fn operands(&self, method: Method) -> impl Iterator<Item = T> + '_ {
        let mask = match method {
            Method::Call | Method::Outer | Method::Reduce => self.get(Keyword::Where),
            Method::Accumulate | Method::Reduceat | Method::At => None,
        };
        self.inputs.iter().copied().chain(self.outputs.iter().flatten().copied()).chain(mask)
    }
}

/// Brings arguments into normal form.
pub fn normalize<V: Values>(
    values: &V,
    target: Target,
    method: Method,
    positional: &[V::Value],
    named: impl Iterator<Item = (Option<Keyword>, V::Value)>,
) -> Result<Normal<V::Value>, Refusal> {
    let inputs = check_target(target, method)?;
    let (given, rest) = positional.split_at(positional.len().min(inputs));
    let mut normal = Normal::of_inputs(given);
    let mut out = None;
    let mut named_inputs = [None; 2];
    for (keyword, value) in named {
        let keyword = keyword.filter(|k| is_allowed(*k, target, method)).ok_or(Refusal::UnknownKeyword)?;
        if let Some(place) = method.named_inputs().iter().position(|k| *k == keyword) {
            if place < normal.inputs.len() {
                return Err(Refusal::Conflict);
            }
            // NumPy leaves it among the keywords as well.
            named_inputs[place] = Some(value);
        }
        if keyword == Keyword::Out {
            out = Some(value);
            normal.out_by_keyword = true;
        }
        normal.keywords.push((keyword, value));
    }
    normal.inputs.extend(named_inputs.into_iter().flatten());
    if normal.inputs.len() != inputs {
        return Err(Refusal::Count);
    }
    let named = normal.keywords.len();
    let by_position = match method {
        Method::Call | Method::Outer | Method::At => {
            if rest.len() > target.nout || (method != Method::Call && !rest.is_empty()) {
                return Err(Refusal::Count);
            }
            (!rest.is_empty()).then(|| {
                let left_out = std::iter::repeat_n(values.none(), target.nout - rest.len());
                rest.iter().copied().chain(left_out).collect::<Outputs<V::Value>>()
            })
        }
        _ => positional_parameters(values, method, rest, &mut normal)?.map(|v| Outputs::from_slice(&[v])),
    };
    set_outputs(values, target, by_position.map(|outputs| (outputs, named)), out, &mut normal)?;
    rename_signature(&mut normal)?;
    if normal.get(Keyword::Axis).is_some() && normal.get(Keyword::Axes).is_some() {
        return Err(Refusal::Conflict);
    }
    Ok(normal)
}

/// The number of inputs of the method.
fn check_target(target: Target, method: Method) -> Result<usize, Refusal> {
    let binary = target.nin == 2 && target.nout == 1;
    match method {
        Method::Call => Ok(target.nin),
        _ if target.generalized => Err(Refusal::Method),
        Method::Outer if target.nin == 2 => Ok(2),
        Method::Reduce | Method::Accumulate if binary => Ok(1),
        Method::Reduceat if binary => Ok(2),
        Method::At if target.nin <= 2 && target.nout == 1 => Ok(1 + target.nin),
        _ => Err(Refusal::Method),
    }
}

fn is_allowed(keyword: Keyword, target: Target, method: Method) -> bool {
    use Keyword::*;
    match method {
        Method::Call | Method::Outer => match keyword {
            Out | Dtype | Casting | Order | Subok | Signature | Sig => true,
            Where => !target.generalized,
            Axis | Axes | Keepdims => target.generalized,
            Initial | Array | Indices => false,
        },
        Method::At => false,
        _ => method.positional().contains(&keyword) || method.named_inputs().contains(&keyword),
    }
}

/// Moves what stands by position to the keywords; an output is returned.
fn positional_parameters<V: Values>(
    values: &V,
    method: Method,
    rest: &[V::Value],
    normal: &mut Normal<V::Value>,
) -> Result<Option<V::Value>, Refusal> {
    let parameters = method.positional();
    if rest.len() > parameters.len() {
        return Err(Refusal::Count);
    }
    let mut out = None;
    for (&keyword, &value) in parameters.iter().zip(rest) {
        if normal.get(keyword).is_some() {
            return Err(Refusal::Conflict);
        }
        match keyword {
            Keyword::Out => out = Some(value),
            Keyword::Initial if values.is_no_value(value) => {}
            _ => normal.keywords.push((keyword, value)),
        }
    }
    Ok(out)
}

/// Settles the outputs, passed by position (and after how many keywords they belong) or by keyword.
fn set_outputs<V: Values>(
    values: &V,
    target: Target,
    by_position: Option<(Outputs<V::Value>, usize)>,
    by_keyword: Option<V::Value>,
    normal: &mut Normal<V::Value>,
) -> Result<(), Refusal> {
    let place = by_position.as_ref().map(|(_, place)| *place);
    let outputs = match (by_position, by_keyword) {
        (Some(_), Some(_)) => return Err(Refusal::Conflict),
        (None, None) => return Ok(()),
        (Some((outputs, _)), None) => {
            if outputs.iter().any(|v| values.is_ellipsis(*v)) {
                return Err(Refusal::Output);
            }
            outputs
        }
        (None, Some(value)) => {
            if values.is_ellipsis(value) && values.knows_ellipsis_out() {
                normal.keep_arrays = true;
                normal.keywords.retain(|(k, _)| *k != Keyword::Out);
                return Ok(());
            }
            match values.tuple(value) {
                Some(entries) if entries.len() == target.nout => entries.into_iter().collect(),
                None if target.nout == 1 => Outputs::from_slice(&[value]),
                _ => return Err(Refusal::Output),
            }
        }
    };
    if outputs.iter().all(|v| values.is_none(*v)) {
        normal.keywords.retain(|(k, _)| *k != Keyword::Out);
    } else {
        if let Some(place) = place {
            normal.keywords.insert(place, (Keyword::Out, outputs[0]));
        }
        normal.outputs = Some(outputs);
    }
    Ok(())
}

/// `sig` becomes `signature`; only one of them and `dtype` may be there.
fn rename_signature<T: Copy>(normal: &mut Normal<T>) -> Result<(), Refusal> {
    let given = [Keyword::Sig, Keyword::Signature, Keyword::Dtype].map(|k| normal.get(k).is_some());
    if given.iter().filter(|g| **g).count() > 1 {
        return Err(Refusal::Conflict);
    }
    if let Some(place) = normal.keywords.iter().position(|(k, _)| *k == Keyword::Sig) {
        let (_, value) = normal.keywords.remove(place);
        normal.keywords.push((Keyword::Signature, value));
    }
    Ok(())
}
