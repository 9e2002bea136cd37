//! A definition as bytes, which hold data and no code: names of ufuncs, and numbers. Reading them runs nothing, and checks
//! everything.
//!
//! `ufp1`, then the names; the ufuncs used, each once; the nodes; the outputs. Counts and places are LEB128.

use super::definition::{Definition, DefinitionError, MOST_NODES, MOST_OPERANDS, Named, Node};
use crate::registry::{DType, Identity};
use smallvec::SmallVec;

const MAGIC: &[u8; 4] = b"ufp1";
const IDENTITIES: [Identity; 5] =
    [Identity::None, Identity::Zero, Identity::One, Identity::MinusOne, Identity::NegInfinity];
/// Longest text.
const MOST_TEXT: usize = 1 << 20;

/// What a node is, in its first byte.
mod tag {
    pub const INPUT: u8 = 0;
    pub const INT: u8 = 1;
    pub const FLOAT: u8 = 2;
    pub const COMPLEX: u8 = 3;
    pub const STRONG: u8 = 4;
    pub const WHERE: u8 = 5;
    pub const CAST: u8 = 6;
    /// The first output of a ufunc; the others follow.
    pub const CALL: u8 = 7;
}

impl Definition {
    /// The bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut to = Writer(MAGIC.to_vec());
        to.text(&self.name);
        to.perhaps(self.doc.as_deref());
        to.perhaps(self.module.as_deref());
        to.number(self.parameters.len() as u128);
        self.parameters.iter().for_each(|name| to.text(name));
        let identity = IDENTITIES.iter().position(|&i| i == self.identity).unwrap_or(0);
        to.0.extend([identity as u8, self.reorderable as u8]);
        to.perhaps(self.fold.map(|Named(def)| def.name));
        let mut used: Vec<&'static str> = vec![];
        for node in &self.nodes {
            if let Node::Call { ufunc: Named(def), .. } = node
                && !used.contains(&def.name)
            {
                used.push(def.name);
            }
        }
        to.number(used.len() as u128);
        used.iter().for_each(|name| to.text(name));
        to.number(self.nodes.len() as u128);
        for node in &self.nodes {
            to.node(node, &used);
        }
        to.number(self.outputs.len() as u128);
        self.outputs.iter().for_each(|&id| to.number(id.into()));
        to.0
    }

    /// The definition that bytes are of.
    pub fn from_bytes(bytes: &[u8]) -> Result<Definition, DefinitionError> {
        let mut from = Reader { bytes, at: 0 };
        if from.take(MAGIC.len())? != MAGIC {
            return Err(DefinitionError::Malformed { at: 0, what: "another beginning" });
        }
        let name = from.text()?;
        let (doc, module) = (from.perhaps()?, from.perhaps()?);
        let parameters = (0..from.count(MOST_OPERANDS)?).map(|_| from.text()).collect::<Result<_, _>>()?;
        let identity = from.byte()?;
        let identity =
            *IDENTITIES.get(usize::from(identity)).ok_or_else(|| from.malformed("an unknown identity"))?;
        let reorderable = from.flag()?;
        let fold = from.perhaps()?.map(|name| Named::find(&name)).transpose()?;
        let used = (0..from.count(MOST_NODES)?).map(|_| Named::find(&from.text()?));
        let used: Vec<Named> = used.collect::<Result<_, _>>()?;
        let nodes = (0..from.count(MOST_NODES)?).map(|_| from.node(&used)).collect::<Result<_, _>>()?;
        let outputs = (0..from.count(MOST_OPERANDS)?).map(|_| from.id()).collect::<Result<_, _>>()?;
        if from.at != bytes.len() {
            return Err(from.malformed("more than there should be"));
        }
        let made = Definition { name, doc, module, parameters, nodes, outputs, identity, reorderable, fold };
        made.checked()
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, mut number: u128) {
        while number > 0x7f {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u128);
        self.0.extend(text.as_bytes());
    }

    fn perhaps(&mut self, text: Option<&str>) {
        self.0.push(text.is_some() as u8);
        if let Some(text) = text {
            self.text(text);
        }
    }

    fn node(&mut self, node: &Node, used: &[&'static str]) {
        match *node {
            Node::Input(i) => {
                self.0.push(tag::INPUT);
                self.number(i.into());
            }
            // The sign last, so that small numbers stay short.
            Node::Int(x) => {
                self.0.push(tag::INT);
                self.number(((x << 1) ^ (x >> 127)) as u128);
            }
            Node::Float(bits) => {
                self.0.push(tag::FLOAT);
                self.0.extend(bits.to_le_bytes());
            }
            Node::Complex(re, im) => {
                self.0.push(tag::COMPLEX);
                self.0.extend([re.to_le_bytes(), im.to_le_bytes()].concat());
            }
            Node::Strong(dtype, bits) => {
                self.0.extend([tag::STRONG, dtype.char() as u8]);
                self.0.extend(&bits.to_le_bytes()[..dtype.size()]);
            }
            Node::Where(three) => {
                self.0.push(tag::WHERE);
                three.iter().for_each(|&id| self.number(id.into()));
            }
            Node::Cast(dtype, id) => {
                self.0.extend([tag::CAST, dtype.char() as u8]);
                self.number(id.into());
            }
            Node::Call { ufunc: Named(def), ref inputs, output } => {
                self.0.push(tag::CALL + output as u8);
                let place = used.iter().position(|&name| name == def.name);
                self.number(place.unwrap_or_else(|| unreachable!("every ufunc used is listed")) as u128);
                inputs.iter().for_each(|&id| self.number(id.into()));
            }
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn malformed(&self, what: &'static str) -> DefinitionError {
        DefinitionError::Malformed { at: self.at, what }
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], DefinitionError> {
        let taken = self.bytes.get(self.at..).and_then(|rest| rest.get(..n));
        let taken = taken.ok_or_else(|| self.malformed("an early end"))?;
        self.at += n;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, DefinitionError> {
        Ok(self.take(1)?[0])
    }

    fn number(&mut self) -> Result<u128, DefinitionError> {
        let mut number = 0u128;
        for shift in (0..128).step_by(7) {
            let byte = self.byte()?;
            let bits = u128::from(byte & 0x7f);
            if shift == 126 && byte > 3 {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(self.malformed("a number too large"))
    }

    fn count(&mut self, most: usize) -> Result<usize, DefinitionError> {
        let number = self.number()?;
        usize::try_from(number)
            .ok()
            .filter(|&n| n <= most)
            .ok_or_else(|| self.malformed("too many of something"))
    }

    fn id(&mut self) -> Result<u32, DefinitionError> {
        u32::try_from(self.number()?).map_err(|_| self.malformed("a place too large"))
    }

    fn flag(&mut self) -> Result<bool, DefinitionError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.malformed("neither yes nor no")),
        }
    }

    fn text(&mut self) -> Result<String, DefinitionError> {
        let n = self.count(MOST_TEXT)?;
        let text =
            std::str::from_utf8(self.take(n)?).map_err(|_| self.malformed("text that is not UTF-8"))?;
        Ok(text.to_owned())
    }

    fn perhaps(&mut self) -> Result<Option<String>, DefinitionError> {
        self.flag()?.then(|| self.text()).transpose()
    }

    fn dtype(&mut self) -> Result<DType, DefinitionError> {
        let char = self.byte()? as char;
        // One spelling each, so that equal definitions are equal bytes.
        let dtype = DType::ALL.iter().copied().find(|dtype| dtype.char() == char);
        dtype.ok_or_else(|| self.malformed("an unknown dtype"))
    }

    fn bits<const N: usize>(&mut self) -> Result<[u8; N], DefinitionError> {
        self.take(N)?.try_into().map_err(|_| self.malformed("an early end"))
    }

    fn node(&mut self, used: &[Named]) -> Result<Node, DefinitionError> {
        Ok(match self.byte()? {
            tag::INPUT => Node::Input(self.id()?),
            tag::INT => {
                let number = self.number()?;
                Node::Int((number >> 1) as i128 ^ -((number & 1) as i128))
            }
            tag::FLOAT => Node::Float(u64::from_le_bytes(self.bits()?)),
            tag::COMPLEX => Node::Complex(u64::from_le_bytes(self.bits()?), u64::from_le_bytes(self.bits()?)),
            tag::STRONG => {
                let dtype = self.dtype()?;
                let mut bits = [0; 16];
                bits[..dtype.size()].copy_from_slice(self.take(dtype.size())?);
                let bits = u128::from_le_bytes(bits);
                match dtype == DType::Bool && bits > 1 {
                    true => return Err(self.malformed("a bool that is neither")),
                    false => Node::Strong(dtype, bits),
                }
            }
            tag::WHERE => Node::Where([self.id()?, self.id()?, self.id()?]),
            tag::CAST => Node::Cast(self.dtype()?, self.id()?),
            output => {
                let ufunc =
                    *used.get(self.count(MOST_NODES)?).ok_or_else(|| self.malformed("an unknown ufunc"))?;
                let inputs: SmallVec<[u32; 2]> =
                    (0..ufunc.0.nin()).map(|_| self.id()).collect::<Result<_, _>>()?;
                Node::Call { ufunc, inputs, output: u32::from(output - tag::CALL) }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Definition {
        let call = |name: &str, inputs: &[u32]| Node::Call {
            ufunc: Named::find(name).unwrap(),
            inputs: inputs.iter().copied().collect(),
            output: 0,
        };
        let mut made = Definition::new("sample", &["x", "y"]);
        made.nodes = vec![
            Node::Input(0),
            Node::Input(1),
            Node::Int(-3),
            call("multiply", &[0, 2]),
            Node::Float(2.5f64.to_bits()),
            call("add", &[3, 4]),
            Node::Strong(DType::F32, u128::from(1.5f32.to_bits())),
            call("less", &[1, 6]),
            Node::Where([7, 5, 1]),
            Node::Cast(DType::I16, 8),
            Node::Complex(0, 1),
        ];
        made.outputs = vec![8, 9];
        made.doc = Some("Says é.".to_owned());
        made.checked().unwrap()
    }

    #[test]
    fn bytes_are_read_as_they_were_written() {
        let made = sample();
        let bytes = made.to_bytes();
        let read = Definition::from_bytes(&bytes).unwrap();
        assert_eq!((&read, read.to_bytes()), (&made, bytes));
        assert_eq!(read.nodes.len(), 10, "what no output uses is left out");
        for x in [0, 1, -1, i128::MAX, i128::MIN, i64::MAX.into()] {
            let mut made = made.clone();
            made.nodes[2] = Node::Int(x);
            assert_eq!(Definition::from_bytes(&made.to_bytes()).unwrap(), made);
        }
    }

    #[test]
    fn malformed_bytes_are_errors() {
        let bytes = sample().to_bytes();
        for n in 0..bytes.len() {
            assert!(Definition::from_bytes(&bytes[..n]).is_err(), "the first {n} bytes");
        }
        // Every byte changed to every other: an error, or another definition in its one spelling.
        for i in 0..bytes.len() {
            for byte in 0..=255 {
                let mut bytes = bytes.clone();
                bytes[i] = byte;
                if let Ok(read) = Definition::from_bytes(&bytes) {
                    assert_eq!(Definition::from_bytes(&read.to_bytes()), Ok(read));
                }
            }
        }
    }
}
