//! Loop signatures: the dtypes of one loop, and NumPy's `"dd->d"` spelling of them.

use crate::dtype::DType;
use std::fmt;

/// A call's wish for a loop: a dtype where the caller fixed one, `None` where promotion decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Signature {
    /// One entry per input; empty when nothing was asked for.
    pub inputs: Vec<Option<DType>>,
    /// One entry per output; empty when nothing was asked for.
    pub outputs: Vec<Option<DType>>,
}

/// Why a signature string could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureError {
    /// Not `inputs->outputs` with the ufunc's counts.
    Shape {
        /// Inputs the ufunc has.
        nin: usize,
        /// Outputs the ufunc has.
        nout: usize,
    },
    /// A typecode that names no native dtype.
    Unknown(char),
}

impl Signature {
    /// `dtype=`: every output fixed, no input.
    pub fn of_output(dtype: DType, nin: usize, nout: usize) -> Signature {
        Signature { inputs: vec![None; nin], outputs: vec![Some(dtype); nout] }
    }

    /// Reads `"dd->d"`, or a single typecode that fixes the outputs.
    pub fn parse(text: &str, nin: usize, nout: usize) -> Result<Signature, SignatureError> {
        let dtype = |c| DType::from_char(c).ok_or(SignatureError::Unknown(c));
        let dtypes = |s: &str| s.chars().map(|c| dtype(c).map(Some)).collect::<Result<Vec<_>, _>>();
        match text.split_once("->") {
            Some((ins, outs)) if ins.chars().count() == nin && outs.chars().count() == nout => {
                Ok(Signature { inputs: dtypes(ins)?, outputs: dtypes(outs)? })
            }
            None if text.chars().count() == 1 && nin + nout > 1 => {
                Ok(Signature { inputs: vec![None; nin], outputs: dtypes(&text.repeat(nout))? })
            }
            _ => Err(SignatureError::Shape { nin, nout }),
        }
    }

    /// Whether nothing is fixed.
    pub fn is_open(&self) -> bool {
        self.inputs.iter().chain(&self.outputs).all(Option::is_none)
    }

    /// Whether a loop of these dtypes satisfies the wish.
    pub fn admits(&self, inputs: &[DType], outputs: &[DType]) -> bool {
        let fits = |wish: &[Option<DType>], have: &[DType]| {
            wish.iter().zip(have).all(|(w, h)| w.is_none_or(|w| w == *h))
        };
        fits(&self.inputs, inputs) && fits(&self.outputs, outputs)
    }
}

/// Writes `"dd->d"`.
pub fn write_signature(f: &mut impl fmt::Write, inputs: &[DType], outputs: &[DType]) -> fmt::Result {
    for d in inputs {
        f.write_char(d.char())?;
    }
    f.write_str("->")?;
    for d in outputs {
        f.write_char(d.char())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_numpy_parses() {
        let s = Signature::parse("dd->d", 2, 1).unwrap();
        assert_eq!(s.inputs, [Some(DType::F64); 2]);
        assert_eq!(Signature::parse("d", 2, 1).unwrap(), Signature::of_output(DType::F64, 2, 1));
        assert_eq!(Signature::parse("d->d", 2, 1), Err(SignatureError::Shape { nin: 2, nout: 1 }));
        assert_eq!(Signature::parse("OO->O", 2, 1), Err(SignatureError::Unknown('O')));
        assert!(s.admits(&[DType::F64; 2], &[DType::F64]));
        assert!(!s.admits(&[DType::F32; 2], &[DType::F64]));
    }
}
