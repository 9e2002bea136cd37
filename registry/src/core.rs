//! Core signatures: which axes of its operands a generalised ufunc computes over, `(n?,k),(k,m?)->(n?,m?)` for `matmul`.
//!
//! Each operand names its core axes in parentheses. One name is one length, whichever operand has it; a number is a
//! length by itself; `?` marks an axis that an operand of fewer dimensions does without.

use std::fmt;

/// A core signature, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoreSignature {
    /// The core axes there are, in order of appearance.
    pub axes: Vec<CoreAxis>,
    /// For each operand, inputs then outputs, its core axes: places in `axes`.
    pub operands: Vec<Vec<usize>>,
    /// How many of them are inputs.
    pub nin: usize,
}

/// A core axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoreAxis {
    /// As it is written, without the question mark.
    pub name: String,
    /// Its length, where the signature fixes it.
    pub length: Option<usize>,
    /// Whether operands may lack it.
    pub is_optional: bool,
}

/// Why a core signature could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoreError {
    /// Not lists in parentheses, with one arrow between inputs and outputs.
    Shape,
    /// An axis that is no name and no length.
    Axis,
    /// An axis that is optional in one place and not in another.
    Optional,
}

impl CoreSignature {
    /// Reads one; blanks do not count.
    pub fn parse(text: &str) -> Result<CoreSignature, CoreError> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let (inputs, outputs) = text.split_once("->").ok_or(CoreError::Shape)?;
        let mut axes = vec![];
        let mut all = operands(inputs, &mut axes)?;
        let nin = all.len();
        all.extend(operands(outputs, &mut axes)?);
        Ok(CoreSignature { axes, operands: all, nin })
    }

    /// The inputs'.
    pub fn inputs(&self) -> &[Vec<usize>] {
        &self.operands[..self.nin]
    }

    /// The outputs'.
    pub fn outputs(&self) -> &[Vec<usize>] {
        &self.operands[self.nin..]
    }
}

/// The operands of one side. Axes not met before are added to `axes`.
fn operands(text: &str, axes: &mut Vec<CoreAxis>) -> Result<Vec<Vec<usize>>, CoreError> {
    let inner = text.strip_prefix('(').and_then(|t| t.strip_suffix(')')).ok_or(CoreError::Shape)?;
    inner.split("),(").map(|operand| core_axes(operand, axes)).collect()
}

fn core_axes(operand: &str, axes: &mut Vec<CoreAxis>) -> Result<Vec<usize>, CoreError> {
    if operand.contains(['(', ')', '>']) {
        return Err(CoreError::Shape);
    }
    if operand.is_empty() {
        return Ok(vec![]);
    }
    let place = |text: &str, axes: &mut Vec<CoreAxis>| {
        let (name, is_optional) = text.strip_suffix('?').map_or((text, false), |name| (name, true));
        let length = name.parse::<usize>().ok();
        if length.map_or(!is_name(name), |n| n == 0) {
            return Err(CoreError::Axis);
        }
        match axes.iter().position(|axis| axis.name == name) {
            Some(known) if axes[known].is_optional == is_optional => Ok(known),
            Some(_) => Err(CoreError::Optional),
            None => {
                axes.push(CoreAxis { name: name.to_owned(), length, is_optional });
                Ok(axes.len() - 1)
            }
        }
    };
    operand.split(',').map(|text| place(text, axes)).collect()
}

fn is_name(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    text.starts_with(letter) && text.chars().all(|c| letter(c) || c.is_ascii_digit())
}

impl fmt::Display for CoreSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (side, operands) in [("", self.inputs()), ("->", self.outputs())] {
            f.write_str(side)?;
            for (i, operand) in operands.iter().enumerate() {
                f.write_str(if i == 0 { "(" } else { ",(" })?;
                for (k, &axis) in operand.iter().enumerate() {
                    let CoreAxis { name, is_optional, .. } = &self.axes[axis];
                    write!(
                        f,
                        "{}{name}{}",
                        if k == 0 { "" } else { "," },
                        if *is_optional { "?" } else { "" }
                    )?;
                }
                f.write_str(")")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_numpy_writes() {
        let matmul = CoreSignature::parse("(n?,k),(k,m?)->(n?,m?)").unwrap();
        assert_eq!(matmul.inputs(), [[0, 1], [1, 2]]);
        assert_eq!(matmul.outputs(), [[0, 2]]);
        let optional: Vec<_> = matmul.axes.iter().map(|a| (a.name.as_str(), a.is_optional)).collect();
        assert_eq!(optional, [("n", true), ("k", false), ("m", true)]);
        assert_eq!(matmul.to_string(), "(n?,k),(k,m?)->(n?,m?)");
        let cross = CoreSignature::parse(" ( 3 ), (3) -> (3), () ").unwrap();
        assert_eq!((cross.axes.len(), cross.axes[0].length), (1, Some(3)));
        assert_eq!(cross.outputs(), [vec![0], vec![]]);
        assert_eq!(cross.to_string(), "(3),(3)->(3),()");
    }

    #[test]
    fn refuses_what_numpy_refuses() {
        for (text, error) in [
            ("", CoreError::Shape),
            ("(n)", CoreError::Shape),
            ("(n),->()", CoreError::Shape),
            ("(n)(m)->()", CoreError::Shape),
            ("((n))->()", CoreError::Shape),
            ("(n)->()->()", CoreError::Shape),
            ("(n,)->()", CoreError::Axis),
            ("(2n)->()", CoreError::Axis),
            ("(0)->()", CoreError::Axis),
            ("(n?),(n)->()", CoreError::Optional),
        ] {
            assert_eq!(CoreSignature::parse(text), Err(error), "{text}");
        }
    }
}
